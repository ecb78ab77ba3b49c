#!lua name=@NAME@
--
-- The functions of the store: each is one change that happens whole or not at all. What they keep
-- and why is told in docs/adr/0017-redis-store.md; the names of keys that Rust touches are in names.rs.
--
-- Every function but `open` is told the id of the store that its caller means, and refuses to touch
-- another one: a Redis that was emptied or swapped must not be taken for the one that was there.
-- The consumer group of the workers has that id as its name, for the one command that is no
-- function, XREADGROUP, has to be refused as well.
--
-- A script that fails half-way is not rolled back. So a run's head is written last, and what comes
-- before it is either found again by its place (the log is cut to its recorded length) or harmless.

local P = '{s0}:'
local META = P .. 'meta'
local QUEUES = P .. 'queues'
local SERVICES = { 'coordinator', 'worker' }
local RUNS = P .. 'runs'
local ENDED = P .. 'ended'
local DEAD = P .. 'dead'
local RECALLS = P .. 'recalls'
local HOUR_MS = 3600 * 1000
-- Undecodable entries that are kept for whoever wants to know; about so many.
local DEAD_KEPT = 10000

-- It is there only while a function runs, not while they are loaded.
local function call(...) return redis.call(...) end

local function run_key(run) return P .. 'run:' .. run end
local function log_key(run) return P .. 'run:' .. run .. ':log' end
local function results_key(run) return P .. 'run:' .. run .. ':results' end
local function value_key(run, id) return P .. 'result:' .. run .. ':' .. id end
local function ready_key(queue) return P .. 'ready:' .. queue end
local function inbox_key(lane) return P .. 'inbox:' .. lane end
local function timers_key(lane) return P .. 'timers:' .. lane end
local function calls_key(lane) return P .. 'calls:' .. lane end
local function lane_key(lane) return P .. 'lane:' .. lane end
local function idem_key(key) return P .. 'idem:' .. key end
local function process_key(name) return P .. 'process:' .. name end
local function service_key(service) return P .. 'present:' .. service end
local function signals_key(lane) return P .. 'signals:' .. lane end

-- A run's name carries its lane in the fourth and fifth place, in hexadecimal digits.
local function lane_of(run) return tonumber(string.sub(run, 4, 5), 16) end

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Reads arguments one after another.
local function reader(args, at)
  local self = {}
  function self.next()
    at = at + 1
    return args[at]
  end
  function self.count() return tonumber(self.next()) end
  function self.left() return at < #args end
  return self
end

-- The fields of a stream entry as a table.
local function fields(list)
  local found = {}
  for i = 1, #list, 2 do found[list[i]] = list[i + 1] end
  return found
end

local function entry_at(key, id)
  local found = call('XRANGE', key, id, id)
  return found[1] and found[1][2]
end

-- Adds to a stream. Names of entries travel in 64 bits with 20 for the place within a millisecond,
-- which a clock that was set back would use up: then the next millisecond is begun.
local function add(key, ...)
  local id = call('XADD', key, '*', ...)
  local ms, place = string.match(id, '^(%d+)%-(%d+)$')
  if tonumber(place) < 1048576 then return id end
  call('XDEL', key, id)
  return call('XADD', key, string.format('%.0f-0', tonumber(ms) + 1), ...)
end

-- Where a run's attempt at a step lies: name of the entry, number of the attempt, queue.
local function place_of(id, attempt, queue) return id .. ' ' .. attempt .. ' ' .. queue end

local function read_place(place) return string.match(place, '^(%S+) (%S+) (.*)$') end

local function push(run, step, attempt, deliveries, queue, payload)
  local id = add(ready_key(queue), 'r', run, 's', step, 'a', attempt, 'd', deliveries, 'e', payload)
  call('HSET', run_key(run), 'e:' .. step, place_of(id, attempt, queue))
end

-- Queues have numbers, for tokens carry them; and the group exists before anybody reads.
local function number_of(queue, group)
  local number = call('HGET', QUEUES, queue)
  if not number then
    number = call('HLEN', QUEUES) + 1
    call('HSET', QUEUES, queue, number)
  end
  if group then redis.pcall('XGROUP', 'CREATE', ready_key(queue), group, '0', 'MKSTREAM') end
  return tonumber(number)
end

-- Takes a step's attempt from wherever it is. A deleted entry that is not acknowledged would stay
-- pending for good, and the reply of the acknowledgement tells whether a worker has it.
local function withdraw(group, run, step)
  local place = call('HGET', run_key(run), 'e:' .. step)
  if not place then return end
  local id, _, queue = read_place(place)
  local held = call('XACK', ready_key(queue), group, id)
  call('XDEL', ready_key(queue), id)
  call('HDEL', run_key(run), 'e:' .. step)
  if held == 1 then call('PUBLISH', RECALLS, number_of(queue) .. ' ' .. id) end
end

-- Deletes items of an inbox, and the large values that only they held.
local function consume(lane, run, id)
  local item = entry_at(inbox_key(lane), id)
  if not item then return end
  item = fields(item)
  -- The same number may name an item of another run only if the caller is mistaken.
  if item.r ~= run then return end
  if item.v and call('HGET', results_key(run), item.s) ~= '@' .. item.v then
    call('UNLINK', value_key(run, item.v))
  end
  call('XDEL', inbox_key(lane), id)
end

-- Deletes a run with all that belongs to it.
local function forget(group, run)
  local key = run_key(run)
  for _, field in ipairs(call('HKEYS', key)) do
    if string.sub(field, 1, 2) == 'e:' then withdraw(group, run, string.sub(field, 3)) end
  end
  for _, value in ipairs(call('HVALS', results_key(run))) do
    if string.sub(value, 1, 1) == '@' then
      call('UNLINK', value_key(run, string.sub(value, 2)))
    end
  end
  local pledge = call('HGET', key, 'key')
  if pledge and string.sub(call('GET', idem_key(pledge)) or '', 33) == run then
    call('DEL', idem_key(pledge))
  end
  call('UNLINK', key, log_key(run), results_key(run))
  call('ZREM', RUNS, run)
  call('ZREM', ENDED, run)
end

