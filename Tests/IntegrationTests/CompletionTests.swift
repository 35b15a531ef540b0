import TestSupport
import Testing

/// Shell completion of a task's id, in the shells themselves.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CompletionTests {
    /// Each script prints what its shell offers for the words before the cursor; fish is driven from Python. `$PROGRAM`
    /// is the client, `$DIR` a folder, `$WANTED` the expected text.
    static let shells = [
        // As readline calls the function that the script has registered.
        "bash": #"""
        eval "$("$PROGRAM" --generate-completion-script bash)"
        podling-client() { "$PROGRAM" "$@"; }
        COMP_LINE="$WORDS "; COMP_POINT=${#COMP_LINE}; read -ra COMP_WORDS <<<"$WORDS"; COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_TYPE=9
        function=$(complete -p podling-client | sed -E 's/.*-F ([^ ]+).*/\1/')
        "$function" podling-client "" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
        """#,
        // Only a terminal has completion: one is made for it.
        "zsh": #"""
        "$PROGRAM" --generate-completion-script zsh >"$DIR/_podling-client"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "path=(${PROGRAM:h} \$path); fpath=($DIR \$fpath); autoload -Uz compinit; compinit -u -D; PS1="
        zpty -w shell "print re''ady"
        zpty -r shell seen '*ready*'
        zpty -w -n shell "$WORDS "$'\t'
        zpty -r shell seen "*$WANTED*"
        print -r -- "$seen"
        zpty -d shell
        """#,
        // The same; `complete -C` of this shell asks where the cursor is, which only a terminal's has.
        "python3": #"""
        import os, pty, select, sys
        child, terminal = pty.fork()
        if child == 0: os.execvp("fish", ["fish", "--private"])
        def read(until):
            seen = b""
            while until not in seen:
                select.select([terminal], [], [])
                seen += os.read(terminal, 65536)
            return seen.decode(errors="replace")
        program = os.environ["PROGRAM"]
        setup = "set -p PATH %s; podling-client --generate-completion-script fish | source" % os.path.dirname(program)
        os.write(terminal, (setup + "; echo re''ady\n").encode())
        read(b"ready")
        os.write(terminal, (os.environ["WORDS"] + " \t").encode())
        print(read(os.environ["WANTED"].encode()))
        """#,
    ]

    @Test(arguments: shells.keys.sorted(), ["get", "logs", "wait", "cancel"])
    func theIDsOfTasksAreOffered(shell: String, command: String) async throws {
        try await onThread {
            let scratch = try Scratch()
            let master = try MasterProcess()
            let peer = try Peer(master)
            let task = try peer.submit(#""name":"job","image":"b""#)
            let text = try Tool.output(
                "timeout",
                ["50", shell, "-c", Self.shells[shell] ?? ""],
                environment: [
                    "PROGRAM": ProductsDirectory.program("podling-client"),
                    "DIR": scratch.path, "HOME": scratch.path, "WANTED": task,
                    "WORDS": "podling-client \(command) --master \(master.address)",
                ]
            )
            #expect(text.contains(task), "\(text)")
        }
    }
}
