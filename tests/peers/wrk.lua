-- Asks for the paths that follow `--` in turns, with a token of a list each time where `--bearer FILE` comes first: the file
-- with a token in each line. Prints one line of JSON at the end.

local requests, turn = {}, 0

local function add(path, token)
    local fields = token and { Host = "localhost", Authorization = "Bearer " .. token }
    requests[#requests + 1] = wrk.format("GET", path, fields)
end

function init(arguments)
    local tokens
    if arguments[1] == "--bearer" then
        table.remove(arguments, 1)
        tokens = table.remove(arguments, 1)
    end
    for _, path in ipairs(arguments) do
        if tokens then
            for token in io.lines(tokens) do
                add(path, token)
            end
        else
            add(path)
        end
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
