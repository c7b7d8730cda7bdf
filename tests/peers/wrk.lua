-- Asks for the paths that follow `--` in turns, and prints one line of JSON at the end.

local requests, turn = {}, 0

function init(arguments)
    for _, path in ipairs(arguments) do
        requests[#requests + 1] = wrk.format("GET", path)
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    local form = '{"requests": %d, "bytes": %d, "seconds": %f, "failed": %d}\n'
    io.write(string.format(form, summary.requests, summary.bytes, summary.duration / 1e6, failed))
end
