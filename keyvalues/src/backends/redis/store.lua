-- Everything that touches the store, as one atomic script.
--
-- ARGV[1] is the key prefix P, ARGV[2] the command, the rest its arguments. Values are plain strings under P..name,
-- so that other tools can read and write them. Beside them, under names that no valid key has (they begin with a
-- slash):
--   P/state   hash: revision, compacted, bytes (of the log), lease (last id), epoch
--   P/meta    hash: name -> "created modified lease sha1(value)"
--   P/names   sorted set: the names of P/meta, so that those below a prefix are found without looking at the others
--   P/log     stream: <revision>-1 -> "/size", bytes, then name -> "p<created> <lease> <value>" or "d"
--   P/leases  sorted set: lease id by deadline, in milliseconds
--   P/lease/N set: the names bound to lease N
--   P/swept   present while somebody's search for foreign changes is recent
--
-- A value whose digest is not the one in P/meta was written by another tool. Whoever touches the key first gives
-- that change a revision and a place in the log; every command does so for its own keys before anything else.

local P, command = ARGV[1], ARGV[2]
local STATE, META, LOG, LEASES = P .. '/state', P .. '/meta', P .. '/log', P .. '/leases'
local NAMES = P .. '/names'
local LOG_BATCHES_MAX, LOG_BYTES_MAX = 4096, 16777216
-- Well below what Lua can unpack into one call.
local CHUNK = 200

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function integer(number)
  return string.format('%.0f', number)
end

local function state(field)
  return tonumber(redis.call('HGET', STATE, field) or '0')
end

local function parts(meta)
  return string.match(meta, '^(%d+) (%d+) (%d+) (%x+)$')
end

local function trim(bytes)
  local total = redis.call('HINCRBY', STATE, 'bytes', bytes)
  local count = redis.call('XLEN', LOG)
  while count > LOG_BATCHES_MAX or total > LOG_BYTES_MAX do
    local first = redis.call('XRANGE', LOG, '-', '+', 'COUNT', 1)[1]
    if not first then break end
    redis.call('XDEL', LOG, first[1])
    count = count - 1
    total = redis.call('HINCRBY', STATE, 'bytes', -tonumber(first[2][2]))
    redis.call('HSET', STATE, 'compacted', string.match(first[1], '^%d+'))
  end
end

-- Makes changes {name, value or false, lease, foreign} one revision. The log comes first: if it fails, nothing
-- was written.
local function batch(changes)
  local revision = integer(state('revision') + 1)
  local fields, bytes = {}, 0
  for _, change in ipairs(changes) do
    local meta = redis.call('HGET', META, change.name)
    change.created, change.was = revision, '0'
    if meta then
      local created, _, lease = parts(meta)
      change.created, change.was = created, lease
    end
    fields[#fields + 1] = change.name
    if change.value then
      fields[#fields + 1] = 'p' .. change.created .. ' ' .. change.lease .. ' ' .. change.value
      bytes = bytes + #change.value
    else
      fields[#fields + 1] = 'd'
    end
    bytes = bytes + #change.name
  end
  redis.call('XADD', LOG, revision .. '-1', '/size', integer(bytes), unpack(fields))
  redis.call('HSET', STATE, 'revision', revision)
  for _, change in ipairs(changes) do
    if change.was ~= '0' then
      redis.call('SREM', P .. '/lease/' .. change.was, change.name)
    end
    if change.value then
      if not change.foreign then redis.call('SET', P .. change.name, change.value) end
      local meta = { change.created, revision, change.lease, redis.sha1hex(change.value) }
      redis.call('HSET', META, change.name, table.concat(meta, ' '))
      redis.call('ZADD', NAMES, 0, change.name)
      if change.lease ~= '0' then redis.call('SADD', P .. '/lease/' .. change.lease, change.name) end
    else
      if not change.foreign then redis.call('DEL', P .. change.name) end
      redis.call('HDEL', META, change.name)
      redis.call('ZREM', NAMES, change.name)
    end
  end
  trim(bytes)
  return tonumber(revision)
end

-- Calls visit(name, value or false, meta or false) for each name.
local function each(names, visit)
  for first = 1, #names, CHUNK do
    local keys, fields = {}, {}
    for index = first, math.min(first + CHUNK - 1, #names) do
      keys[#keys + 1] = P .. names[index]
      fields[#fields + 1] = names[index]
    end
    local values = redis.call('MGET', unpack(keys))
    local metas = redis.call('HMGET', META, unpack(fields))
    for index, name in ipairs(fields) do
      visit(name, values[index], metas[index])
    end
  end
end

-- Takes in what other tools have changed; each name must be given once. Answers {name, value, meta} of those that
-- have a value.
local function heal(names)
  local changes, found = {}, {}
  local function flush()
    if #changes > 0 then batch(changes) end
    for _, change in ipairs(changes) do
      if change.value then
        found[#found + 1] = { change.name, change.value, redis.call('HGET', META, change.name) }
      end
    end
    changes = {}
  end
  each(names, function(name, value, meta)
    if value then
      local digest = meta and select(4, parts(meta))
      if digest == redis.sha1hex(value) then
        found[#found + 1] = { name, value, meta }
      else
        changes[#changes + 1] = { name = name, value = value, lease = '0', foreign = true }
      end
    elseif meta then
      changes[#changes + 1] = { name = name, value = false, foreign = true }
    end
    if #changes >= CHUNK then flush() end
  end)
  flush()
  return found
end

local function end_lease(id)
  local bound = P .. '/lease/' .. id
  local names = redis.call('SMEMBERS', bound)
  heal(names)
  local changes = {}
  for _, name in ipairs(names) do
    local meta = redis.call('HGET', META, name)
    if meta and select(3, parts(meta)) == id then
      changes[#changes + 1] = { name = name, value = false }
    end
    if #changes >= CHUNK then
      batch(changes)
      changes = {}
    end
  end
  if #changes > 0 then batch(changes) end
  redis.call('DEL', bound)
  redis.call('ZREM', LEASES, id)
end

-- A pattern that matches only this text.
local function literal(text)
  return (string.gsub(text, '[%*%?%[%]%^%-\\]', '\\%0'))
end

-- Not one of the store's own names.
local function valid(name)
  return name ~= '' and string.sub(name, 1, 1) ~= '/'
end

-- What is known is found by its name. What another tool has added is looked for among all keys where a prefix is
-- that of a whole tree, or where nothing is known below it; elsewhere the search in `sweep` finds it.
local indexed = false
local function is_narrow(prefix)
  return indexed and select(2, string.gsub(prefix, '/', '')) >= 2
end

-- The names below some prefixes that have a value or had one.
local function names_below(prefixes)
  local names, seen = {}, {}
  local function add(name)
    if valid(name) and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  local function scan(prefix)
    local pattern = literal(P .. prefix) .. '*'
    local cursor = '0'
    repeat
      local page = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)
      cursor = page[1]
      for _, key in ipairs(page[2]) do add(string.sub(key, #P + 1)) end
    until cursor == '0'
  end
  for _, prefix in ipairs(prefixes) do
    -- No name holds a byte 255.
    local known = redis.call('ZRANGEBYLEX', NAMES, '[' .. prefix, '[' .. prefix .. '\255')
    for _, name in ipairs(known) do add(name) end
    if not is_narrow(prefix) or (#known == 0 and string.sub(prefix, -1) == '/') then
      scan(prefix)
    elseif redis.call('EXISTS', P .. prefix) == 1 then
      add(prefix)
    end
  end
  return names
end

local commands = {}

function commands.status(epoch)
  redis.call('HSETNX', STATE, 'epoch', epoch)
  return { state('revision'), state('compacted'), redis.call('HGET', STATE, 'epoch') }
end

function commands.get(name)
  return heal({ name })
end

function commands.list(...)
  local found = heal(names_below({ ... }))
  return { state('revision'), found }
end

-- At most `count` of what is below a prefix, behind a name if one is given.
function commands.page(prefix, after, count)
  if after == '' then
    -- What another tool has added becomes known before anything is read.
    local unknown = {}
    for _, name in ipairs(names_below({ prefix })) do
      if redis.call('HEXISTS', META, name) == 0 then unknown[#unknown + 1] = name end
    end
    heal(unknown)
  end
  local found = {}
  repeat
    local from = after == '' and '[' .. prefix or '(' .. after
    local names = redis.call('ZRANGEBYLEX', NAMES, from, '[' .. prefix .. '\255', 'LIMIT', 0, count)
    after = names[#names]
    found = heal(names)
    -- Names whose values are gone are not the end.
  until #found > 0 or not after
  return { state('revision'), found }
end

-- The checks, each as kind, name, revision; then the writes, each as kind, name, lease, value.
function commands.commit(checks, writes, ...)
  local arguments, at = { ... }, 0
  local function take()
    at = at + 1
    return arguments[at]
  end
  local conditions, changes, names, seen = {}, {}, {}, {}
  local function touch(name)
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  for index = 1, tonumber(checks) do
    conditions[index] = { kind = take(), name = take(), revision = take() }
    touch(conditions[index].name)
  end
  for index = 1, tonumber(writes) do
    changes[index] = { kind = take(), name = take(), lease = take(), value = take() }
    touch(changes[index].name)
  end
  heal(names)

  for _, check in ipairs(conditions) do
    local meta = redis.call('HGET', META, check.name)
    local holds = not meta
    if check.kind == 'unchanged' then
      holds = meta and select(2, parts(meta)) == check.revision
    end
    if not holds then return { 'conflict', check.name } end
  end
  local effective = {}
  for _, change in ipairs(changes) do
    if change.kind == 'delete' then
      change.value = false
      if redis.call('HEXISTS', META, change.name) == 1 then effective[#effective + 1] = change end
    else
      if change.lease ~= '0' and not redis.call('ZSCORE', LEASES, change.lease) then
        return { 'ended', change.name }
      end
      effective[#effective + 1] = change
    end
  end
  if #effective == 0 then return { 'done', state('revision') } end
  return { 'done', batch(effective) }
end

function commands.tick()
  return { state('revision'), state('compacted'), redis.call('HGET', STATE, 'epoch') or '' }
end

-- Answers 1 to one caller in `every` milliseconds: that one goes through all keys.
function commands.turn(every)
  return redis.call('SET', P .. '/swept', '1', 'NX', 'PX', every) and 1 or 0
end

-- Looks at some keys for foreign changes.
function commands.touch(...)
  heal({ ... })
  return 1
end

-- Looks at one page of the known names for values that other tools have changed or removed; answers the next
-- cursor. Pages are small, since nobody else is served meanwhile.
function commands.known(cursor, count)
  local page = redis.call('HSCAN', META, cursor, 'COUNT', count)
  local names, seen = {}, {}
  for index = 1, #page[2], 2 do
    local name = page[2][index]
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  heal(names)
  return page[1]
end

-- Looks at one page of the keys for new ones; answers the next cursor.
function commands.new(cursor, count)
  local page = redis.call('SCAN', cursor, 'MATCH', literal(P) .. '*', 'COUNT', count)
  local names, seen = {}, {}
  for _, key in ipairs(page[2]) do
    local name = string.sub(key, #P + 1)
    if valid(name) and not seen[name] and redis.call('HEXISTS', META, name) == 0 then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  heal(names)
  return page[1]
end

function commands.grant(ttl)
  local id = redis.call('HINCRBY', STATE, 'lease', 1)
  redis.call('ZADD', LEASES, integer(now + tonumber(ttl)), integer(id))
  return id
end

function commands.keep(id, ttl)
  if not redis.call('ZSCORE', LEASES, id) then return 0 end
  redis.call('ZADD', LEASES, integer(now + tonumber(ttl)), id)
  return 1
end

function commands.revoke(id)
  end_lease(id)
  return 1
end

-- If the state was lost but not the log, its revisions go on from there.
if redis.call('HEXISTS', STATE, 'revision') == 0 then
  local last = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)[1]
  if last then redis.call('HSET', STATE, 'revision', string.match(last[1], '^%d+')) end
end
local function is_indexed()
  return redis.call('ZCARD', NAMES) == redis.call('HLEN', META)
end
indexed = is_indexed()
if not indexed then
  -- The names of a store that was written before they were kept. A full server refuses them, and is read without.
  redis.call('DEL', NAMES)
  for _, name in ipairs(redis.call('HKEYS', META)) do redis.pcall('ZADD', NAMES, 0, name) end
  indexed = is_indexed()
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', integer(now), 'LIMIT', 0, 100)) do
  end_lease(id)
end
return commands[command](unpack(ARGV, 3))
