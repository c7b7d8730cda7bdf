-- Asks for the paths that follow `--` in turns, with a token of a list each time where `--bearer FILE` comes first, the file
-- with a token in each line, or with fields where `--fields FILE` does, the file with those of a request in each line, between
-- tabs. Prints one line of JSON at the end.

local requests, turn = {}, 0

local function bearer(token)
    return { Host = "localhost", Authorization = "Bearer " .. token }
end

local function fields(line)
    local said = { Host = "localhost" }
    for name, value in line:gmatch("([^\t:]+): ([^\t]+)") do
        said[name] = value
    end
    return said
end

function init(arguments)
    local read = ({ ["--bearer"] = bearer, ["--fields"] = fields })[arguments[1]]
    local file
    if read then
        table.remove(arguments, 1)
        file = table.remove(arguments, 1)
    end
    for _, path in ipairs(arguments) do
        if file then
            for line in io.lines(file) do
                requests[#requests + 1] = wrk.format("GET", path, read(line))
            end
        else
            requests[#requests + 1] = wrk.format("GET", path)
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
