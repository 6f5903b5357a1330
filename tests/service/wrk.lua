-- wrk's side of the tests: POST with a fresh token for each request where a key is given, else GET. Every thread has one connection and stops
-- after so many answers, so that none is on its way at the end. wrk itself waits for its time to be over or for a signal: who has started it counts
-- the threads that have finished.
--
-- Arguments: the answers of each thread, and the file with the key's header.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

function init(args)
  each, answers, ok, sent = tonumber(args[1]), 0, 0, 0
  if args[2] then
    wrk.method = "POST"
    wrk.headers["Authorization"] = io.open(args[2]):read("*l"):match("^Authorization: (.+)$")
    wrk.headers["Content-Type"] = "application/json"
  end
end

function request()
  sent = sent + 1
  if wrk.method == "GET" then
    return wrk.format()
  end
  local token = string.format("t1.wrk-%d-%d.0123456789", number, sent)
  return wrk.format(nil, nil, nil, string.format('{"product":"Example Agent","platform":"macos","token":"%s"}', token))
end

function response(status)
  answers = answers + 1
  if status == 200 then
    ok = ok + 1
  end
  if answers == each then
    io.stderr:write("finished\n")
    wrk.thread:stop()
  end
end

function done(summary)
  local answers, ok = 0, 0
  for _, thread in ipairs(threads) do
    answers = answers + thread:get("answers")
    ok = ok + thread:get("ok")
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  print(string.format("result %d %d %d %d", summary.requests, answers, ok, broken))
end
