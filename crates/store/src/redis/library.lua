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
local PROCESSES = P .. 'processes'
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

-- The store's id, schema version and lane count; a store that is new gets those that are given.
local function open(_, args)
  if call('HSETNX', META, 'id', args[1]) == 1 then
    call('HSET', META, 'schema', args[2], 'lanes', args[3])
  end
  return call('HMGET', META, 'id', 'schema', 'lanes')
end

local function submit(group, a)
  local run, commit, at = a.next(), a.next(), a.next()
  local state, summary, record, command = a.next(), a.next(), a.next(), a.next()
  local key, hash, most_open, most_waiting = a.next(), a.next(), a.count(), a.count()
  local first = call('HGET', run_key(run), 'first')
  if first then return { first == commit and 'ok' or 'already', run } end
  local pledge = key ~= '' and call('GET', idem_key(key))
  if pledge then
    return { string.sub(pledge, 1, 32) == hash and 'already' or 'taken', string.sub(pledge, 33) }
  end
  local open_runs, lanes = 0, tonumber(call('HGET', META, 'lanes'))
  for lane = 0, lanes - 1 do open_runs = open_runs + call('ZCARD', timers_key(lane)) end
  if open_runs >= most_open then return { 'full', open_runs } end
  local waiting = 0
  for _, queue in ipairs(call('HKEYS', QUEUES)) do
    waiting = waiting + call('XLEN', ready_key(queue))
  end
  if waiting >= most_waiting then return { 'deep', waiting } end
  local lane = lane_of(run)
  call('RPUSH', log_key(run), record)
  call('ZADD', timers_key(lane), at, run)
  call('ZADD', RUNS, at, run)
  if key ~= '' then call('SET', idem_key(key), hash .. run) end
  add(inbox_key(lane), 'r', run, 'c', command)
  call('HSET', run_key(run), 'first', commit, 'head', commit, 'len', 1, 'seq', 1, 'at', at,
    'state', state, 'sum', summary, 'key', key)
  return { 'ok', run }
end

local function keep_results(a, run)
  for _ = 1, a.count() do
    local step, kind, value = a.next(), a.next(), a.next()
    if kind == '=' then
      call('HSET', results_key(run), step, '=' .. value)
    elseif call('PERSIST', value_key(run, value)) == 1
      or call('EXISTS', value_key(run, value)) == 1 then
      call('HSET', results_key(run), step, '@' .. value)
    end
  end
end

local function set_timer(run, lane, timer, is_terminal)
  if timer ~= '' then
    call('ZADD', timers_key(lane), timer, run)
  elseif is_terminal and call('ZREM', timers_key(lane), run) == 1 then
    call('ZADD', ENDED, now_ms(), run)
  end
end

local function commit(group, a)
  local run, id, parent = a.next(), a.next(), a.next()
  local lane, key = lane_of(run), run_key(run)
  local consumed = {}
  for i = 1, a.count() do consumed[i] = a.next() end
  local head = call('HGET', key, 'head')
  if not head then
    for _, item in ipairs(consumed) do consume(lane, run, item) end
    return 'none'
  end
  if head == id then return 'already' end
  if head ~= parent then return 'conflict' end

  local seq, record, state, summary = a.next(), a.next(), a.next(), a.next()
  local timer, is_calling, is_terminal = a.next(), a.next() == '1', a.next() == '1'
  local signal = a.next()
  if record ~= '' then
    local length = tonumber(call('HGET', key, 'len'))
    if call('LLEN', log_key(run)) > length then call('LTRIM', log_key(run), 0, length - 1) end
    call('RPUSH', log_key(run), record)
  end
  keep_results(a, run)
  for _ = 1, a.count() do withdraw(group, run, a.next()) end
  for _ = 1, a.count() do
    local step, attempt, queue, payload = a.next(), a.next(), a.next(), a.next()
    withdraw(group, run, step)
    number_of(queue)
    push(run, step, attempt, 0, queue, payload)
  end
  set_timer(run, lane, timer, is_terminal)
  call(is_calling and 'SADD' or 'SREM', calls_key(lane), run)
  for _, item in ipairs(consumed) do consume(lane, run, item) end
  if record ~= '' then
    call('HINCRBY', key, 'len', 1)
    call('HSET', key, 'seq', seq)
  end
  call('HSET', key, 'state', state, 'sum', summary, 'head', id)
  if signal ~= '' then call('PUBLISH', signals_key(lane), signal) end
  return 'ok'
end

-- Forgets the runs that ended first: those beyond a number, and those that ended before a time.
local function collect(group, a)
  local keep, before, most = a.count(), a.next(), a.count()
  local surplus = math.min(call('ZCARD', ENDED) - keep, most)
  local victims = surplus > 0 and call('ZRANGE', ENDED, 0, surplus - 1) or {}
  for _, run in ipairs(victims) do forget(group, run) end
  if before ~= '' then
    for _, run in ipairs(call('ZRANGEBYSCORE', ENDED, '-inf', before, 'LIMIT', 0, most)) do
      forget(group, run)
    end
  end
  return #victims
end

-- Each record begins with the place of its last event, in 16 hexadecimal digits. Whoever reads on
-- is near the end: the records are looked at from there.
local function load(_, a)
  local run, after = a.next(), a.next()
  local head = call('HMGET', run_key(run), 'head', 'len')
  if not head[1] then return false end
  local first = tonumber(head[2])
  if after == '0000000000000000' then
    first = 0
  else
    while first > 0 do
      local record = call('LINDEX', log_key(run), first - 1)
      if not record or string.sub(record, 1, 16) < after then break end
      first = first - 1
    end
  end
  local records = {}
  if first < tonumber(head[2]) then
    records = call('LRANGE', log_key(run), first, tonumber(head[2]) - 1)
  end
  return { head[1], records }
end

local function last_seqs(_, a)
  local seqs = {}
  while a.left() do seqs[#seqs + 1] = call('HGET', run_key(a.next()), 'seq') end
  return seqs
end

local function results(_, a)
  local run, values = a.next(), {}
  while a.left() do
    local value = call('HGET', results_key(run), a.next())
    if value and string.sub(value, 1, 1) == '@' then
      value = call('GET', value_key(run, string.sub(value, 2)))
    elseif value then
      value = string.sub(value, 2)
    end
    values[#values + 1] = value
  end
  return values
end

-- Runs older than a place in the list, the newest first: each with its place and its summary.
local function list(_, a)
  local at, after, most = a.next(), a.next(), a.count()
  local found, offset = {}, 0
  while #found < most do
    local chunk = call('ZREVRANGEBYSCORE', RUNS, at, '-inf', 'WITHSCORES', 'LIMIT', offset, most)
    for i = 1, #chunk, 2 do
      local run, score = chunk[i], chunk[i + 1]
      if #found < most and (after == '' or score ~= at or run < after) then
        found[#found + 1] = { run, score, call('HGET', run_key(run), 'sum') }
      end
    end
    offset = offset + most
    if #chunk < 2 * most then break end
  end
  return found
end

-- The attempts of runs that wait for a worker or are with one: for each run, steps and attempts. An
-- entry that somebody deleted behind our back can be claimed by nobody, whatever its run says.
local function custody(_, a)
  local runs = {}
  while a.left() do
    local held, all = {}, call('HGETALL', run_key(a.next()))
    for i = 1, #all, 2 do
      if string.sub(all[i], 1, 2) == 'e:' then
        local id, attempt, queue = read_place(all[i + 1])
        if entry_at(ready_key(queue), id) then
          held[#held + 1] = string.sub(all[i], 3)
          held[#held + 1] = attempt
        end
      end
    end
    runs[#runs + 1] = held
  end
  return runs
end

-- Makes queues known and gives their numbers.
local function queues(group, a)
  local numbers = {}
  while a.left() do numbers[#numbers + 1] = number_of(a.next(), group) end
  return numbers
end

-- Takes attempts from several queues without waiting: first a fair share from each, beginning with
-- another one each time, then whatever is there.
local function claim(group, a)
  local worker, slots, start = a.next(), a.count(), a.count()
  local names, taken = {}, {}
  while a.left() do names[#names + 1] = a.next() end
  local function take(name, most)
    local found = call('XREADGROUP', 'GROUP', group, worker, 'COUNT', most, 'STREAMS',
      ready_key(name), '>')
    if not found then return end
    for _, entry in ipairs(found[1][2]) do
      taken[#taken + 1] = { name, entry[1], 1, entry[2] }
    end
  end
  local share = math.ceil(slots / #names)
  for _, most in ipairs({ share, slots }) do
    for i = 0, #names - 1 do
      local room = slots - #taken
      if room > 0 then take(names[(start + i) % #names + 1], math.min(most, room)) end
    end
  end
  return taken
end

local function holder(key, group, id)
  local pending = call('XPENDING', key, group, id, id, 1)
  if pending[1] then return pending[1][2], pending[1][4] end
end

-- A heartbeat counts only for the holder: a plain XCLAIM would let a worker that was away take back
-- what somebody else runs by now.
local function extend(group, a)
  local worker, replies = a.next(), {}
  while a.left() do
    local key, id = ready_key(a.next()), a.next()
    local by = holder(key, group, id)
    if by == worker then
      call('XCLAIM', key, group, worker, 0, id, 'JUSTID')
      replies[#replies + 1] = 'ok'
    else
      replies[#replies + 1] = by and 'lost' or 'gone'
    end
  end
  return replies
end

local function complete(group, a)
  local replies = {}
  while a.left() do
    local queue, id, run, step, attempt = a.next(), a.next(), a.next(), a.next(), a.next()
    local command, value = a.next(), a.next()
    local place = call('HGET', run_key(run), 'e:' .. step)
    if place == place_of(id, attempt, queue) then
      local item = { 'r', run, 'c', command }
      if value ~= '' then
        call('PERSIST', value_key(run, value))
        item = { 'r', run, 'c', command, 's', step, 'v', value }
      end
      add(inbox_key(lane_of(run)), unpack(item))
      call('XACK', ready_key(queue), group, id)
      call('XDEL', ready_key(queue), id)
      call('HDEL', run_key(run), 'e:' .. step)
      replies[#replies + 1] = 'ok'
    else
      -- A value that nobody has reported is nobody's; a reported one belongs to its report, which
      -- this may be the second sending of.
      if value ~= '' and call('PTTL', value_key(run, value)) > 0 then
        call('UNLINK', value_key(run, value))
      end
      replies[#replies + 1] = 'gone'
    end
  end
  return replies
end

-- Puts an attempt back under a new name, if the worker holds it; no delivery is counted.
local function put_back(group, worker, queue, id)
  local key = ready_key(queue)
  local by, deliveries = holder(key, group, id)
  local entry = by == worker and entry_at(key, id)
  if not entry then return false end
  entry = fields(entry)
  call('XACK', key, group, id)
  call('XDEL', key, id)
  if call('HGET', run_key(entry.r), 'e:' .. entry.s) == place_of(id, entry.a, queue) then
    push(entry.r, entry.s, entry.a, entry.d + deliveries - 1, queue, entry.e)
  end
  return true
end

local function release(group, a)
  local worker = a.next()
  while a.left() do put_back(group, worker, a.next(), a.next()) end
  return redis.status_reply('OK')
end

-- What a worker was given without knowing it, because a reply was lost: all that it holds and does
-- not know of.
local function recover(group, a)
  local worker, queue, known, found = a.next(), a.next(), {}, 0
  while a.left() do known[a.next()] = true end
  local pending = call('XPENDING', ready_key(queue), group, '-', '+', 1000, worker)
  for _, entry in ipairs(pending) do
    if not known[entry[1]] and put_back(group, worker, queue, entry[1]) then found = found + 1 end
  end
  return found
end

-- Whether a worker may look at all attempts of a queue now. A look walks over everything that is
-- out, so the whole fleet shares one look each so many milliseconds.
local function may_look(queue, every)
  if every == '0' then return true end
  return call('SET', P .. 'look:' .. queue, '1', 'NX', 'PX', every)
end

-- Takes attempts whose lease has run out, following the cursor to the end: from the start alone it
-- would never get behind many that are alive. Whoever finds more than it can take leaves the rest to
-- the next one at once.
local function steal(group, a)
  local worker, lease, every, slots, stolen = a.next(), a.next(), a.next(), a.count(), {}
  local function look(queue)
    local key, cursor = ready_key(queue), '0-0'
    repeat
      local reply = call('XAUTOCLAIM', key, group, worker, lease, cursor, 'COUNT', slots - #stolen)
      cursor = reply[1]
      for _, entry in ipairs(reply[2]) do
        local _, deliveries = holder(key, group, entry[1])
        stolen[#stolen + 1] = { queue, entry[1], deliveries, entry[2] }
      end
    until cursor == '0-0' or #stolen >= slots
    if #stolen >= slots then call('DEL', P .. 'look:' .. queue) end
  end
  while a.left() and #stolen < slots do
    local queue = a.next()
    if may_look(queue, every) then look(queue) end
  end
  return stolen
end

-- Deletes consumers that hold nothing and have not asked for a long time: each start of a worker
-- makes a new one.
local function tidy(group, a)
  local idle, deleted = a.count(), 0
  while a.left() do
    local key = ready_key(a.next())
    for _, consumer in ipairs(call('XINFO', 'CONSUMERS', key, group)) do
      local about = fields(consumer)
      if about.pending == 0 and about.idle >= idle then
        call('XGROUP', 'DELCONSUMER', key, group, about.name)
        deleted = deleted + 1
      end
    end
  end
  return deleted
end

local function put_result(_, a)
  local run, id, value = a.next(), a.next(), a.next()
  call('SET', value_key(run, id), value, 'PX', HOUR_MS)
  return redis.status_reply('OK')
end

-- Puts an entry that nobody can decode aside, so that it stops nobody.
local function bury(group, a)
  local place, name, id, reason = a.next(), a.next(), a.next(), a.next()
  local key, content = P .. place .. ':' .. name, ''
  if place == 'timers' then
    call('ZREM', key, id)
  else
    local entry = entry_at(key, id)
    if not entry then return redis.status_reply('OK') end
    entry = fields(entry)
    content = entry.e or entry.c or ''
    if place == 'ready' then
      call('XACK', key, group, id)
      if entry.r and entry.s then call('HDEL', run_key(entry.r), 'e:' .. entry.s) end
    end
    call('XDEL', key, id)
    if a.left() then add(inbox_key(lane_of(entry.r)), 'r', entry.r, 'c', a.next()) end
  end
  call('XADD', DEAD, 'MAXLEN', '~', DEAD_KEPT, '*', 'from', key, 'id', id, 'reason', reason,
    'content', string.sub(content, 1, 4096))
  return redis.status_reply('OK')
end

local function own(_, a)
  local owner, lease, owned = a.next(), a.next(), {}
  local lanes = tonumber(call('HGET', META, 'lanes'))
  while a.left() do
    local lane = a.count()
    if lane < lanes then
      local by = call('GET', lane_key(lane))
      if not by or by == owner then call('SET', lane_key(lane), owner, 'PX', lease) end
    end
  end
  for lane = 0, lanes - 1 do
    if call('GET', lane_key(lane)) == owner then owned[#owned + 1] = lane end
  end
  return owned
end

local function disown(_, a)
  local owner = a.next()
  while a.left() do
    local key = lane_key(a.next())
    if call('GET', key) == owner then call('DEL', key) end
  end
  return redis.status_reply('OK')
end

local function send(_, a)
  while a.left() do
    local run, command = a.next(), a.next()
    add(inbox_key(lane_of(run)), 'r', run, 'c', command)
  end
  return redis.status_reply('OK')
end

local function discard(_, a)
  local lane = a.next()
  while a.left() do
    local id = a.next()
    local item = entry_at(inbox_key(lane), id)
    local run = item and fields(item).r
    if run and call('EXISTS', run_key(run)) == 0 then consume(lane, run, id) end
  end
  return redis.status_reply('OK')
end

local function timers(_, a) return call('ZRANGE', timers_key(a.next()), 0, -1, 'WITHSCORES') end

local function model_calls(_, a) return call('SMEMBERS', calls_key(a.next())) end

local function announce(_, a)
  local name, ttl, presence = a.next(), a.next(), a.next()
  call('SET', process_key(name), presence, 'PX', ttl)
  call('SADD', PROCESSES, name)
  return redis.status_reply('OK')
end

-- A process leaves; where it is a worker, so do its consumers, unless they still hold something.
local function retire(group, a)
  local name = a.next()
  call('DEL', process_key(name))
  call('SREM', PROCESSES, name)
  for _, queue in ipairs(call('HKEYS', QUEUES)) do
    local key = ready_key(queue)
    local pending = redis.pcall('XPENDING', key, group, '-', '+', 1, name)
    if not pending.err and not pending[1] then call('XGROUP', 'DELCONSUMER', key, group, name) end
  end
  return redis.status_reply('OK')
end

local function present(_, _)
  local found = {}
  for _, name in ipairs(call('SMEMBERS', PROCESSES)) do
    local presence = call('GET', process_key(name))
    if presence then
      found[#found + 1] = presence
    else
      call('SREM', PROCESSES, name)
    end
  end
  return found
end

local function check() return redis.status_reply('OK') end

-- What drains the store must run when it is full, else nothing would ever drain; `submit` alone
-- must not.
local function offer(name, body, flags)
  redis.register_function {
    function_name = '@NAME@_' .. name,
    flags = flags,
    callback = function(_, args)
      local id = call('HGET', META, 'id')
      if id ~= args[1] then
        return redis.error_reply('OTHERSTORE ' .. (id and 'swapped' or 'emptied'))
      end
      return body(args[1], reader(args, 1))
    end
  }
end

redis.register_function { function_name = '@NAME@_open', callback = open, flags = { 'allow-oom' } }
offer('submit', submit, {})
offer('commit', commit, { 'allow-oom' })
offer('collect', collect, { 'allow-oom' })
offer('queues', queues, { 'allow-oom' })
offer('claim', claim, { 'allow-oom' })
offer('extend', extend, { 'allow-oom' })
offer('complete', complete, { 'allow-oom' })
offer('release', release, { 'allow-oom' })
offer('recover', recover, { 'allow-oom' })
offer('steal', steal, { 'allow-oom' })
offer('tidy', tidy, { 'allow-oom' })
offer('put_result', put_result, { 'allow-oom' })
offer('bury', bury, { 'allow-oom' })
offer('own', own, { 'allow-oom' })
offer('disown', disown, { 'allow-oom' })
offer('send', send, { 'allow-oom' })
offer('discard', discard, { 'allow-oom' })
offer('announce', announce, { 'allow-oom' })
offer('retire', retire, { 'allow-oom' })
offer('present', present, { 'allow-oom' })
offer('load', load, { 'no-writes' })
offer('last_seqs', last_seqs, { 'no-writes' })
offer('results', results, { 'no-writes' })
offer('list', list, { 'no-writes' })
offer('custody', custody, { 'no-writes' })
offer('timers', timers, { 'no-writes' })
offer('model_calls', model_calls, { 'no-writes' })
offer('check', check, { 'no-writes' })
