import Glibc
import NIOCore
import TestSupport
import Testing

@testable import PodlingClient

struct AccessTokenTests {
    private let workshop: Workshop

    init() async throws { workshop = try await onThread { try Workshop.shared.get() } }

    @Test func itIsFoundByFlagThenEnvironment() throws {
        let file = try workshop.write("token-a", "\n  podling_file \n")
        let environment = ["PODLING_TOKEN": "podling_variable"]
        #expect(try AccessToken.find(file: file) { environment[$0] }?.secret == "podling_file")
        #expect(try AccessToken.find(file: nil) { environment[$0] }?.secret == "podling_variable")
        #expect(try AccessToken.find(file: nil) { ["PODLING_TOKEN_FILE": file][$0] }?.secret == "podling_file")
        #expect(try AccessToken.find(file: nil) { ["PODLING_TOKEN": ""][$0] } == nil)
        let both = ["PODLING_TOKEN": "a", "PODLING_TOKEN_FILE": file]
        let error = #expect(throws: AccessTokenError.self) { try AccessToken.find(file: nil) { both[$0] } }
        #expect(error?.description == "PODLING_TOKEN and PODLING_TOKEN_FILE are both set: unset one")
    }

    @Test(arguments: ["hush hush", "hush\u{7}", "hüsh", String(repeating: "hush", count: 129)])
    func whatIsNoTokenIsNotShown(text: String) {
        let error = #expect(throws: AccessTokenError.self) { try AccessToken(text, setting: "PODLING_TOKEN") }
        #expect(error?.description.hasPrefix("PODLING_TOKEN: this is no token") == true)
        #expect(error?.description.contains("hush") == false)
    }

    @Test func filesAreTheirUsersAlone() throws {
        let open = try workshop.write("token-open", "podling_hush", mode: 0o640)
        let absent = workshop.file("token-absent")
        let empty = try workshop.write("token-empty", " \n")
        for (file, words) in [
            (open, geteuid() == 0 ? nil : "may be read or changed by others"), (absent, "No such file or directory"),
            (empty, "there is no token in it"),
        ] {
            guard let words else { continue }
            let error = #expect(throws: AccessTokenError.self) { try AccessToken.find(file: file) { _ in nil } }
            #expect(error?.description.contains(words) == true)
            #expect(error?.description.contains("--token-file: \(file)") == true)
        }
        chmod(open, 0o644)
        let error = #expect(throws: AccessTokenError.self) { try AccessToken.find(file: open) { _ in nil } }
        #expect(error?.description.contains("(mode 0644). chmod 0600 it") == true)
    }

    @Test func noDescriptionShowsIt() throws {
        let token = try AccessToken("podling_hush", setting: "")
        var options = PodlingClient.Options()
        options.token = token
        var dumped = ""
        dump(options, to: &dumped)
        for text in ["\(token)", String(reflecting: token), "\(options)", dumped] { #expect(!text.contains("hush")) }
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true), ("::ffff:127.0.0.1", true),
        ("128.0.0.1", false), ("10.127.0.0", false), ("::2", false), ("::ffff:10.0.0.1", false), ("fe80::1", false),
    ])
    func plaintextIsPrivateOnThisMachineOnly(peer: String, isPrivate: Bool) throws {
        let peer = try SocketAddress(ipAddress: peer, port: 7070)
        #expect(ConnectionSecurity.isPrivate(MasterAddress(host: "localhost"), peer: peer) == isPrivate)
        #expect(ConnectionSecurity.isPrivate(try MasterAddress(parsing: "podlings://h"), peer: peer))
        #expect(!ConnectionSecurity.isPrivate(MasterAddress(host: "localhost"), peer: nil))
    }

    @Test func withoutOneAMasterThatAsksCanStillBePinged() async throws {
        let greeting = #"{"ev":"hello","proto":[1,1],"auth":"token","line_max":1048576,"server":"fake/0"}"#
        let master = try await FakeMaster.start(greeting: greeting) { request in
            [request.op == "ping" ? request.ok("{}") : request.error("unauthenticated")]
        }
        let client = try await PodlingClient.connect(to: [master.address])
        _ = try await client.request("ping")
        let error = await #expect(throws: PodlingError.self) { try await client.request("list") }
        #expect(error?.code == "unauthenticated")
        // A slow machine may have given the client time for a ping of its own.
        #expect(master.requests.map(\.op).filter { $0 != "ping" } == ["list"])
        client.close()
        await master.stop()
    }

    @Test func itIsSentWithTheHelloAndWithNothingElse() async throws {
        let master = try await FakeMaster.start { request in [request.ok("{}")] }
        var options = PodlingClient.Options()
        options.token = try AccessToken("podling_hush", setting: "")
        let client = try await PodlingClient.connect(to: [master.address], options: options)
        _ = try await client.request("ping")
        #expect(master.requests.map { $0.text("token") } == ["podling_hush", nil])
        #expect(master.requests.map(\.op) == ["hello", "ping"])
        client.close()
        await master.stop()
    }
}
