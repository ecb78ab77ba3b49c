-- What can be called from outside.

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
