-- Attempts that wait for workers or are with one.

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
  local pending = redis.pcall('XPENDING', ready_key(queue), group, '-', '+', 1000, worker)
  -- Without a group nobody holds anything; the claim that follows makes a new one.
  if pending.err then return 0 end
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
      local reply = redis.pcall('XAUTOCLAIM', key, group, worker, lease, cursor, 'COUNT',
        slots - #stolen)
      if reply.err then return end
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
    local consumers = redis.pcall('XINFO', 'CONSUMERS', key, group)
    for _, consumer in ipairs(consumers.err and {} or consumers) do
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
      local field = 'e:' .. (entry.s or '')
      local own = place_of(id, entry.a or '', name)
      if entry.r and call('HGET', run_key(entry.r), field) == own then
        call('HDEL', run_key(entry.r), field)
      end
    elseif entry.r and entry.v then
      call('UNLINK', value_key(entry.r, entry.v))
    end
    call('XDEL', key, id)
    local lane = a.left() and lane_of(entry.r)
    if lane and lane < tonumber(call('HGET', META, 'lanes')) then
      add(inbox_key(lane), 'r', entry.r, 'c', a.next())
    end
  end
  call('XADD', DEAD, 'MAXLEN', '~', DEAD_KEPT, '*', 'from', key, 'id', id, 'reason', reason,
    'content', string.sub(content, 1, 4096))
  return redis.status_reply('OK')
end

