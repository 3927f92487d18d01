# The context is a directory that scripts/image.sh fills: mirrord (a static
# binary), ca-certificates.crt (for https upstreams) and data (empty). Build it
# with `make docker`.
FROM scratch
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY mirrord /mirrord
# A volume takes its owner from the directory it covers.
COPY --chown=65532:65532 data /var/lib/mirrord
# So that the data directory is the volume whatever the configuration.
ENV XDG_STATE_HOME=/var/lib
USER 65532:65532
VOLUME /var/lib/mirrord
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/mirrord", "healthcheck"]
ENTRYPOINT ["/mirrord"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
