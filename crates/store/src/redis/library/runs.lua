-- Histories of runs: accepting, committing, forgetting, reading.

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
  -- One that somebody has damaged must not keep all others for ever.
  local function drop(run)
    if not pcall(forget, group, run) then call('ZREM', ENDED, run) end
  end
  for _, run in ipairs(victims) do drop(run) end
  if before ~= '' then
    for _, run in ipairs(call('ZRANGEBYSCORE', ENDED, '-inf', before, 'LIMIT', 0, most)) do
      drop(run)
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

