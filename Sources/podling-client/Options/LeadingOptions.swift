/// Moves common options that precede the command's name, which docker and kubectl also allow:
/// `podling-client --master db1 ps`.
enum LeadingOptions {
    /// The names of those options; all of them take a value.
    static let names: Set<String> = [
        "--master", "--retry-seconds", "--output", "--token-file", "--sslmode", "--sslrootcert", "--sslcert",
        "--sslkey",
        "--sslcrl", "--ssl-min-protocol-version", "--sslsni", "--hostaddr",
    ]

    /// Moves leading options after the name of the command and its subcommand (`tls doctor`).
    static func moved(_ arguments: [String], partsOf commands: [String: Set<String>]) -> [String] {
        let leading = leadingCount(arguments)
        guard leading > 0, leading <= arguments.count else { return arguments }
        var command = arguments.dropFirst(leading)
        // Without a command there is nothing to move them after: the rest is passed on as it is.
        guard let name = command.first, let parts = commands[name] else { return Array(command) }
        var moved = [command.removeFirst()]
        if let part = command.first, parts.contains(part) { moved.append(command.removeFirst()) }
        moved += arguments.prefix(leading)
        return moved + command
    }

    /// The first leading option without its value: at the end, or before another option.
    static func lackingValue(_ arguments: [String]) -> String? {
        var index = 0
        while index < arguments.count {
            let name = String(arguments[index].prefix { $0 != "=" })
            guard names.contains(name) else { return nil }
            if name == arguments[index] {
                index += 1
                guard index < arguments.count, !arguments[index].hasPrefix("-") else { return name }
            }
            index += 1
        }
        return nil
    }

    /// Filters the connection options out of these words: for completions, which have no command line of their own.
    static func ofConnection(_ words: [String]) -> [String] {
        var found: [String] = []
        for (index, word) in words.enumerated() {
            let name = word.prefix { $0 != "=" }
            guard names.contains(String(name)), name != "--output" else { continue }
            if name.count < word.count {
                found.append(word)
            } else if index + 1 < words.count {
                found += [word, words[index + 1]]
            }
        }
        return found
    }

    /// Count of leading arguments that belong to options; greater than the count of all where the last option lacks its
    /// value.
    private static func leadingCount(_ arguments: [String]) -> Int {
        var count = 0
        while count < arguments.count {
            let name = arguments[count].prefix { $0 != "=" }
            guard names.contains(String(name)) else { break }
            count += name.count == arguments[count].count ? 2 : 1
        }
        return count
    }
}
