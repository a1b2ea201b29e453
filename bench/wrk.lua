-- What wrk is told beside its flags. Without arguments it asks for the URL
-- alone. With "names" <count> <domain> it asks for the names n1 … n<count> of
-- the domain in random order, under the one TLS server name of the URL; with
-- "create" or "read" <path> <key> <file of an order> <file of ids> it makes
-- orders or reads them.

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

-- Orders, each with an idempotency key that was never used before.
local function create(path, key, order)
   local headers = { ["Content-Type"] = "application/json", Authorization = "Bearer " .. key }
   local body = io.open(order):read("*a")
   local run, n = string.format("%d-%s", os.time(), tostring({}):sub(8)), 0
   function request()
      n = n + 1
      headers["Idempotency-Key"] = run .. "-" .. n
      return wrk.format("POST", path, headers, body)
   end
end

-- Orders by their ids, in random order.
local function read(path, key, ids)
   local headers = { Authorization = "Bearer " .. key }
   local requests = {}
   for id in io.lines(ids) do
      requests[#requests + 1] = wrk.format("GET", path .. "/" .. id, headers)
   end
   math.randomseed(1)
   function request()
      return requests[math.random(#requests)]
   end
end

function init(args)
   if args[1] == "create" then
      create(args[2], args[3], args[4])
   elseif args[1] == "read" then
      read(args[2], args[3], args[5])
   elseif args[1] == "names" then
      local requests = random_names(tonumber(args[2]), args[3])
      local i = 0
      function request()
         i = i % #requests + 1
         return requests[i]
      end
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
