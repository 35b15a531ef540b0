import ArgumentParser
import FoundationEssentials
import PodlingAccess
import PodlingCore
import PodlingLogging
import PodlingMaster
import PodlingPostgres

/// Manages tokens, for the operator of the master.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke the tokens by which peers show who they are.",
        discussion: """
            A token is a secret, shown once. What is kept of it is its SHA-256, in a file that the master reads, or in its
            database (--tokens database, with STORE_TYPE=postgres and DATABASE_URL as for the master). A master that runs
            sees changes within seconds, and ends the connections of a token that was revoked.

              podling-master token create --role admin --tokens tokens.txt --out admin.token
              podling-master token create --role worker --node w1 --tokens tokens.txt --out w1.token
              podling-master --tokens tokens.txt
              podling-worker --master 127.0.0.1:7070 --node-id w1 --token-file w1.token
              podling-master token revoke w1 --tokens tokens.txt

            Roles: a worker offers a node and reports on it; a client submits and cancels, and reads; a reader only reads;
            an admin does what a client does, drains nodes and imports.

            Exit codes: 0, done; 64, the command line is wrong; 78, the tokens cannot be read or changed; 69, 77, 78, the
            database, as for the master.
            """,
        subcommands: [Create.self, List.self, Revoke.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token, and print it on standard output, this once.",
            discussion: """
                Nothing else is printed there. --out makes a file of it, and never writes over one; a shell's > empties the
                file before this command can refuse.
                """
        )

        @Option(name: .long, help: "What it may do: \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        var role: Role

        @Option(name: .long, help: "The node that a worker's token is bound to; without, it is good for any node.")
        var node: String?

        @Option(name: .long, help: "Names it in logs, and to revoke it. (default: the node, or the role and a number)")
        var name: String?

        @Option(name: .long, help: "Put the token into this new file (0600) instead of on standard output.")
        var out: String?

        @OptionGroup var access: AccessOptions

        func validate() throws {
            if out?.isEmpty == true {
                throw ValidationError("--out is given, but empty: give it a value, or leave it out.")
            }
        }

        func run() async throws {
            try await TokenCommand.changing(access) { try await create(in: $0) }
        }

        private func create(in tokens: TokenPlace) async throws {
            let token = Token.make()
            let record = try TokenRecord(
                name: name ?? node ?? "\(role.rawValue)-\(String(UInt32.random(in: .min ... .max), radix: 36))",
                role: role,
                node: node,
                digest: Token.digest(of: token),
                createdAt: Tick.current().wall
            )
            guard let out else {
                try await tokens.add(record)
                print(token)
                return TokenCommand.say("made token \(record.name); it is shown only this once")
            }
            // The file comes first: a token that is stored, but that nobody has, is of no use.
            let output = TokenOutput(path: out)
            try output.write(token)
            do {
                try await tokens.add(record)
            } catch {
                output.remove()
                throw error
            }
            TokenCommand.say("made token \(record.name), in \(output.path)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the tokens; the secrets are not kept.")

        @OptionGroup var access: AccessOptions

        func run() async throws {
            try await TokenCommand.changing(access) { print(TokenList.text(try await $0.read()), terminator: "") }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a token good for nothing.")

        @Argument(help: "Its name, as list has it.")
        var name: String

        @OptionGroup var access: AccessOptions

        func validate() throws {
            do { try TokenRecord.check(name: name) } catch { throw ValidationError("\(error)") }
        }

        func run() async throws {
            try await TokenCommand.changing(access) { try await $0.revoke(name) }
            TokenCommand.say("revoked \(name)")
        }
    }

    /// sysexits.h: EX_CONFIG.
    static let exitCode: Int32 = 78

    private static func changing(_ access: AccessOptions, _ body: (TokenPlace) async throws -> Void) async throws {
        do {
            guard let place = try await access.place(mayMigrate: true) else {
                throw ValidationError("Say where: --tokens FILE, --tokens database, or PODLING_TOKENS_FILE.")
            }
            do { try await body(place) } catch {
                await place.close()
                throw error
            }
            await place.close()
        } catch let error as TokenError {
            say("\(error)")
            throw ExitCode(exitCode)
        } catch let error as PGError {
            say("PostgreSQL: \(error)")
            throw ExitCode(error.exitCode)
        }
    }

    static func say(_ text: String) { StandardError.write(Array("podling-master: \(text)\n".utf8)) }
}

extension Role: ExpressibleByArgument {}
