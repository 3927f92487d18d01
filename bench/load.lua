-- Only done() is set: wrk then sends one ready-made request and runs no Lua under load.
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    "bench requests=%.0f bytes=%.0f duration_us=%.0f connect=%.0f read=%.0f write=%.0f status=%.0f timeout=%.0f\n",
    summary.requests, summary.bytes, summary.duration, e.connect, e.read, e.write, e.status, e.timeout))
end
