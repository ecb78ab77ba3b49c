-- Lanes, their inboxes and timers, and who is there.

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
  local name, ttl, service, presence = a.next(), a.next(), a.next(), a.next()
  call('SET', process_key(name), presence, 'PX', ttl)
  call('SADD', service_key(service), name)
  return redis.status_reply('OK')
end

-- A process leaves; where it is a worker, so do its consumers, unless they still hold something.
local function retire(group, a)
  local name = a.next()
  call('DEL', process_key(name))
  for _, service in ipairs(SERVICES) do call('SREM', service_key(service), name) end
  for _, queue in ipairs(call('HKEYS', QUEUES)) do
    local key = ready_key(queue)
    local pending = redis.pcall('XPENDING', key, group, '-', '+', 1, name)
    if not pending.err and not pending[1] then call('XGROUP', 'DELCONSUMER', key, group, name) end
  end
  return redis.status_reply('OK')
end

local function present(_, a)
  local key, found = service_key(a.next()), {}
  for _, name in ipairs(call('SMEMBERS', key)) do
    local presence = call('GET', process_key(name))
    if presence then
      found[#found + 1] = presence
    else
      call('SREM', key, name)
    end
  end
  return found
end

