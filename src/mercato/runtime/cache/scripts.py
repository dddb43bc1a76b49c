"""What Redis does in one step, in Lua, on its own clock.

A place may hold anything: somebody may have written there, or it may be another installation's. What cannot be read is
as good as nothing, and is written over.
"""

from mercato.runtime.cache.engine import LONGEST, MOST_DEBT

_COMMON = """
local function text(key)
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then return value end
  return nil
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# KEYS: the gate, the place. ARGV: a new gate, if there is none. An entry counts as long as its subject has the stamp
# that it had when the entry was made. What is evicted or flushed, whichever part of it, can only make an entry unknown
# and a permit void.
FIND = (
    _COMMON
    + """
local gate = text(KEYS[1])
if not gate then
  gate = ARGV[1]
  redis.call('SET', KEYS[1], gate, 'PX', 86400000)
end
local entry = redis.pcall('HMGET', KEYS[2], 'subject', 'stamp', 'value')
if not entry.err and entry[1] and entry[2] and entry[3] and text(entry[1]) == entry[2] then
  return {entry[3], redis.call('PTTL', KEYS[2]), gate, now}
end
return {false, 0, gate, now}
"""
)

# KEYS: the gate, the subject, the place. ARGV: the permit's gate, a new stamp, the value, until when (ms).
KEEP = (
    _COMMON
    + f"""
local life = math.min(tonumber(ARGV[4]) - now, {LONGEST})
if life <= 0 or text(KEYS[1]) ~= ARGV[1] then return 0 end
local stamp = text(KEYS[2]) or ARGV[2]
if redis.call('PTTL', KEYS[2]) < life then redis.call('SET', KEYS[2], stamp, 'PX', life) end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'subject', KEYS[2], 'stamp', stamp, 'value', ARGV[3])
redis.call('PEXPIRE', KEYS[3], life)
return 1
"""
)

# KEYS: buckets. ARGV: burst, tokens per ms, whether one is only asked for, then how many to take out of each. A bucket
# is the moment at which it will be full again (GCRA), and is forgotten then.
TAKE = (
    _COMMON
    + f"""
local burst, per_ms, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local most = now + {MOST_DEBT} * burst / per_ms
local left = {{}}
for i, key in ipairs(KEYS) do
  local full = tonumber(text(key) or '') or now
  if not (full > now) then full = now end
  full = math.min(full, most)
  local tokens = math.floor((burst - (full - now) * per_ms) * 1000000 + 0.5) / 1000000
  if not asked or tokens >= 1 then
    full = math.min(full + tonumber(ARGV[3 + i]) / per_ms, most)
    redis.call('SET', key, string.format('%.3f', full), 'PX', math.ceil(full - now) + 1)
    if not asked then tokens = burst - (full - now) * per_ms end
  end
  left[i] = string.format('%.6f', tokens)
end
return left
"""
)
