import ArgumentParser
import FoundationEssentials
import PodlingAccess
import PodlingCore
import PodlingLogging
import PodlingMaster

/// Tokens, for those who run the master.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke the tokens by which peers show who they are.",
        discussion: """
            A token is a secret, shown once. What is kept of it is its SHA-256, in a file that the master reads; a master
            that runs sees changes within seconds, and ends the connections of a token that was revoked.

              podling-master token create --role admin --tokens tokens.txt > admin.token
              podling-master token create --role worker --node w1 --tokens tokens.txt > w1.token
              podling-master --tokens tokens.txt
              PODLING_TOKEN_FILE=w1.token podling-worker --master 127.0.0.1:7070 --node w1
              podling-master token revoke w1 --tokens tokens.txt

            Roles: a worker offers a node and reports on it; a client submits and cancels, and reads; a reader only reads;
            an admin does what a client does, drains nodes and imports.

            Exit codes: 0, done; 64, the command line is wrong; 78, the tokens cannot be read or changed.
            """,
        subcommands: [Create.self, List.self, Revoke.self]
    )

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token, and print it on standard output, this once.",
            discussion: "Nothing else is printed there, so that it can go to a file: umask 077; ... > w1.token"
        )

        @Option(name: .long, help: "What it may do: \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        var role: Role

        @Option(name: .long, help: "The node that a worker's token is bound to; without, it is good for any node.")
        var node: String?

        @Option(name: .long, help: "Names it in logs, and to revoke it. (default: the node, or the role and a number)")
        var name: String?

        @OptionGroup var place: AccessOptions

        func run() throws {
            let file = try place.file()
            let token = Token.make()
            try TokenCommand.withErrors {
                let record = try TokenRecord(
                    name: name ?? node ?? "\(role.rawValue)-\(String(UInt32.random(in: .min ... .max), radix: 36))",
                    role: role,
                    node: node,
                    digest: Token.digest(of: token),
                    createdAt: Tick.current().wall
                )
                try file.add(record)
                print(token)
                TokenCommand.say("made token \(record.name); it is shown only this once")
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the tokens; the secrets are not kept.")

        @OptionGroup var place: AccessOptions

        func run() throws {
            let file = try place.file()
            try TokenCommand.withErrors { print(TokenList.text(try file.read()), terminator: "") }
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a token good for nothing.")

        @Argument(help: "Its name, as list has it.")
        var name: String

        @OptionGroup var place: AccessOptions

        func run() throws {
            let file = try place.file()
            try TokenCommand.withErrors { try file.revoke(name) }
            TokenCommand.say("revoked \(name)")
        }
    }

    /// sysexits.h: EX_CONFIG.
    static let exitCode: Int32 = 78

    static func withErrors(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as TokenError {
            say("\(error)")
            throw ExitCode(exitCode)
        }
    }

    static func say(_ text: String) { StandardError.write(Array("podling-master: \(text)\n".utf8)) }
}

extension Role: ExpressibleByArgument {}
