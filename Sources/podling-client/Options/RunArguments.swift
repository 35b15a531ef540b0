/// The words of `run`, so that those from IMAGE on are never read as options, and an option may be given an empty value
/// as `--entrypoint=`.
enum RunArguments {
    /// The options without a value; each other option of `run` has one.
    static let flags: Set<String> = [
        "-d", "--detach", "-q", "--quiet", "--raw", "-i", "--interactive", "-t", "--tty", "--rm", "-h", "--help",
        "--version",
    ]

    /// Ends the options before IMAGE with `--`.
    ///
    /// - Parameter arguments: all of the program's, the name of the command first.
    static func separated(_ arguments: [String]) -> [String] {
        guard arguments.first == "run" else { return arguments }
        var words = ["run"]
        var rest = arguments.dropFirst()
        while let word = rest.popFirst() {
            guard word != "--" else { return words + [word] + rest }
            guard word.hasPrefix("-"), word.count > 1 else { return words + ["--", word] + rest }
            if let equals = word.firstIndex(of: "="), word.hasPrefix("--") {
                // The parser takes the next word for an empty value.
                let isEmpty = word.index(after: equals) == word.endIndex
                words += isEmpty ? [String(word[..<equals]), ""] : [word]
            } else {
                words.append(word)
                if !isFlag(word), let value = rest.popFirst() { words.append(value) }
            }
        }
        return words
    }

    /// Whether it is an option without a value, or several of one letter in one word.
    private static func isFlag(_ word: String) -> Bool {
        guard !word.hasPrefix("--") else { return flags.contains(word) }
        return word.dropFirst().allSatisfy { flags.contains("-\($0)") }
    }
}
