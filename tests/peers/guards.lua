-- Asks for one path with a token of a list each time: `-- PATH FILE`, the file with a token in each line. Prints one line of JSON
-- at the end.

local requests, turn = {}, 0

function init(arguments)
    for token in io.lines(arguments[2]) do
        requests[#requests + 1] = wrk.format("GET", arguments[1], { Host = "localhost", Authorization = "Bearer " .. token })
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
