-- Takes what several demands want, all of it or nothing: the arithmetic of rule.rs, word for word.
--
-- KEYS: where the count of each demand is kept, as "at used before"; of what is held a sorted set, by when it lapses.
-- ARGV: the time in ms since 1970, or "" for the server's own; by what name what is taken is held; then for each demand
-- kind, amount, period, capacity, cost, and the beginning and end of the month. The amount of what is held is the ms
-- after which it lapses.
-- Returns 1 or 0, then for each demand whether it has room, what remains, and the ms until there is more and until
-- there would be room, -1 for never.
--
-- Numbers here are floating point. All of them stay below 2^53, where whole ones are exact.

local now = tonumber(ARGV[1])
local by_own_time = not now
if by_own_time then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function div(a, b) return (a - math.fmod(a, b)) / b end
local function div_up(a, b) return div(a + b - 1, b) end

local function read(kind, key)
  if kind == 'c' then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
    return { at = 0, used = redis.call('ZCARD', key), before = 0 }
  end
  local at, used, before = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
  if not at then return { at = 0, used = 0, before = 0 } end
  return { at = tonumber(at), used = tonumber(used), before = tonumber(before) }
end

local function settle(rule, count)
  if rule.kind == 'c' then return count end
  if rule.kind == 'b' then
    if count.at > now then
      if count.at - now > rule.period then return { at = now, used = 0, before = 0 } end
      return count
    end
    local elapsed, used = now - count.at, 0
    if elapsed < div_up(count.used, rule.amount) then used = count.used - elapsed * rule.amount end
    return { at = now, used = used, before = 0 }
  end
  local start, period = now - math.fmod(now, rule.period), rule.period
  if rule.kind == 'm' then start, period = rule.begins, rule.ends - rule.begins end
  if count.at == start or count.at > start and count.at - start <= period then return count end
  local before = 0
  if rule.kind == 's' and count.at == start - period then before = count.used end
  return { at = start, used = 0, before = before }
end

local function lighter(before, most, period)
  if before <= most then return 0 end
  return period - div(most * period, before)
end

local function stand(rule, count, cost)
  local capacity, period = rule.capacity, rule.period
  if rule.kind == 'b' then
    local free = math.max(capacity * period - count.used, 0)
    local function until_free(wanted) return div_up(wanted - free, rule.amount) end
    local has_room, remaining = cost <= capacity and cost * period <= free, div(free, period)
    local reset, retry = 0, -1
    if remaining < capacity then reset = until_free((remaining + 1) * period) end
    if has_room then retry = 0 elseif cost <= capacity then retry = until_free(cost * period) end
    return has_room, remaining, reset, retry
  end
  if rule.kind == 's' then
    local into, before = math.max(now - count.at, 0), math.min(count.before, capacity)
    local weighs = div_up(before * math.max(period - into, 0), period)
    local remaining = math.max(math.max(capacity - count.used, 0) - weighs, 0)
    local reset, has_room, retry = math.max(period - into, 0), cost <= remaining, -1
    if has_room then
      retry = 0
    elseif cost <= capacity then
      if count.used + cost <= capacity then
        retry = math.max(lighter(before, capacity - count.used - cost, period) - into, 0)
      else
        retry = reset + lighter(math.min(count.used, capacity), capacity - cost, period)
      end
    end
    return has_room, remaining, reset, retry
  end
  if rule.kind == 'c' then
    local remaining, reset, retry = math.max(capacity - count.used, 0), 0, -1
    local has_room = cost <= remaining
    if count.used > 0 then reset = 1000 end
    if has_room then retry = 0 elseif cost <= capacity then retry = 1000 end
    return has_room, remaining, reset, retry
  end
  local ends = count.at + period
  if rule.kind == 'm' then ends = rule.ends end
  local remaining, reset, retry = math.max(capacity - count.used, 0), math.max(ends - now, 0), -1
  local has_room = cost <= remaining
  if has_room then retry = 0 elseif cost <= capacity then retry = reset end
  return has_room, remaining, reset, retry
end

local function hold(rule, key)
  local lapses = string.format('%.0f', now + rule.amount)
  for unit = 1, rule.cost do redis.call('ZADD', key, lapses, ARGV[2] .. ':' .. unit) end
  if by_own_time and rule.cost > 0 then
    local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
    redis.call('PEXPIRE', key, string.format('%.0f', math.max(tonumber(last) - now, 1)))
  end
end

local function lasts(rule, count)
  if rule.kind == 'b' then return count.at + div_up(count.used, rule.amount) - now end
  if rule.kind == 's' then return count.at + 2 * rule.period - now end
  if rule.kind == 'm' then return rule.ends - now end
  return count.at + rule.period - now
end

local rules, counts, admits = {}, {}, true
for n, key in ipairs(KEYS) do
  local first = 3 + (n - 1) * 7
  local rule = {
    kind = ARGV[first], amount = tonumber(ARGV[first + 1]), period = tonumber(ARGV[first + 2]),
    capacity = tonumber(ARGV[first + 3]), cost = tonumber(ARGV[first + 4]),
    begins = tonumber(ARGV[first + 5]), ends = tonumber(ARGV[first + 6]),
  }
  rules[n], counts[n] = rule, settle(rule, read(rule.kind, key))
  admits = stand(rule, counts[n], rule.cost) and admits
end

local reply = { admits and 1 or 0 }
for n, key in ipairs(KEYS) do
  local rule, count = rules[n], counts[n]
  local has_room, remaining, reset, retry = stand(rule, count, rule.cost)
  if admits then
    local unit = rule.kind == 'b' and rule.period or 1
    count.used = count.used + rule.cost * unit
    if rule.kind == 'c' then
      hold(rule, key)
    elseif rule.cost > 0 then
      local kept = string.format('%.0f %.0f %.0f', count.at, count.used, count.before)
      if by_own_time then
        redis.call('SET', key, kept, 'PX', string.format('%.0f', math.max(lasts(rule, count), 1)))
      else
        redis.call('SET', key, kept)
      end
    end
    local _
    _, remaining, reset = stand(rule, count, 0)
    retry = 0
  end
  for _, value in ipairs({ has_room and 1 or 0, remaining, reset, retry }) do table.insert(reply, value) end
end
return reply
