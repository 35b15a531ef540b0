import PodlingProtocol
import Testing

@Suite struct HostPortTests {
    @Test(arguments: [
        ("127.0.0.1", 7070, "127.0.0.1:7070"), ("master-1.example.net", 1, "master-1.example.net:1"),
        ("::1", 65_535, "[::1]:65535"), ("2001:db8::1", 0, "[2001:db8::1]:0"),
    ])
    func whatIsWrittenIsRead(_ host: String, _ port: Int, _ text: String) {
        #expect(HostPort(host, port).description == text)
        #expect(HostPort(parsing: text) == HostPort(host, port))
    }

    @Test(arguments: [
        "", "host", "host:", ":7070", "host:-1", "host:65536", "host:x", "::1", "[]:7070", "[::1]", "::1:7070",
    ])
    func whatIsNoneIsRefused(_ text: String) {
        #expect(HostPort(parsing: text) == nil)
    }

    @Test func onlyAnIPv6AddressHasBrackets() {
        #expect(HostPort.bracketed("::1") == "[::1]")
        #expect(HostPort.bracketed("localhost") == "localhost")
    }
}
