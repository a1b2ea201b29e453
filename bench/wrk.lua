-- What wrk is told beside its flags. Without arguments it asks for the URL
-- alone. With <count> <domain> it asks for the names n1 … n<count> of the
-- domain in random order, under the one TLS server name of the URL.

-- Loopback, whatever the host: that stays the TLS server name.
function wrk.resolve(_, service)
   wrk.addrs = wrk.lookup("127.0.0.1", service)
end

-- Every request is a text of its own, whatever the count: else few names would
-- be easier on the caches of the processor for wrk, not for the server.
local function random_names(count, domain)
   math.randomseed(1)
   local requests = {}
   for i = 1, 65536 do
      local name = "n" .. math.random(count) .. "." .. domain
      requests[i] = wrk.format(nil, nil, {
         Host = name .. ":" .. wrk.port,
         ["X-Number"] = string.format("%05d", i),
      })
   end
   return requests
end

function init(args)
   if not args[1] then
      return
   end
   local requests = random_names(tonumber(args[1]), args[2])
   local i = 0
   function request()
      i = i % #requests + 1
      return requests[i]
   end
end

-- One line of JSON after wrk's own summary.
function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      '{"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,' ..
      '"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
      summary.requests, summary.duration, summary.bytes,
      latency:percentile(50), latency:percentile(99),
      e.status, e.connect, e.read, e.write, e.timeout))
end
