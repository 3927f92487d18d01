package apt

import (
	"testing"

	"mirrord/internal/repo"
)

func TestLineage(t *testing.T) {
	for name, want := range map[string]repo.Lineage{
		"pool/main/o/openssl/libssl3_3.0.20-1~deb12u2_amd64.deb":                              {Prefix: "pool/main/o/openssl/libssl", Key: "pool/main/o/openssl/libssl# amd64.deb"},
		"pool/main/l/linux-signed-amd64/linux-image-6.1.0-50-cloud-amd64_6.1.170-1_amd64.deb": {Prefix: "pool/main/l/linux-signed-amd64/linux-image-", Key: "pool/main/l/linux-signed-amd64/linux-image-#.#.#-#-cloud-amd# amd64.deb"},
		"pool/main/a/anna/anna_1.89_arm64.udeb":                                               {Prefix: "pool/main/a/anna/anna", Key: "pool/main/a/anna/anna arm64.udeb"},
		"dists/bookworm/main/binary-amd64/Packages.xz":                                        {Prefix: "dists/bookworm/main/binary-amd64/Packages.xz", Key: "dists/bookworm/main/binary-amd64/Packages.xz"},
		"pool/main/o/openssl/openssl_3.0.20.orig.tar.gz":                                      {},
		"pool/main/o/openssl/libssl3.deb":                                                     {},
		"dists/bookworm/InRelease":                                                            {},
		"README":                                                                              {},
	} {
		if got := (Adapter{}).Lineage(name); got != want {
			t.Errorf("%s: %+v, expected %+v", name, got, want)
		}
	}
}
