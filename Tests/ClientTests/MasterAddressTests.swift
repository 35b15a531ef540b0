import PodlingClient
import Testing

struct MasterAddressTests {
    @Test(arguments: [
        ("localhost", "localhost", 7070),
        ("localhost:1", "localhost", 1),
        ("10.0.0.1:65535", "10.0.0.1", 65535),
        ("[::1]:7071", "::1", 7071),
        ("[::1]", "::1", 7070),
        ("podling://master.example:8000", "master.example", 8000),
        ("PODLING://master.example/", "master.example", 7070),
        ("podling://[fe80::1%eth0]:8000", "fe80::1%eth0", 8000),
    ])
    func parses(_ text: String, _ host: String, _ port: Int) throws {
        let address = try MasterAddress(parsing: text)
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(arguments: [
        ("", "no host in it"),
        ("podling://", "no host in it"),
        (":7070", "no host before the port"),
        ("host:", "the port must be a number from 1 to 65535"),
        ("host:0", "the port must be a number from 1 to 65535"),
        ("host:65536", "the port must be a number from 1 to 65535"),
        ("host:+80", "the port must be a number from 1 to 65535"),
        ("host:99999999999999999999", "the port must be a number from 1 to 65535"),
        ("::1", "an IPv6 address goes in brackets: [::1]:7070"),
        ("[::1", "the [ is not closed"),
        ("[]:1", "no IPv6 address between the brackets"),
        ("[::1]7070", "only :PORT may follow the ]"),
        ("ho st", "the host holds a character that host names do not have"),
        ("http://host", "the scheme must be podling:// or podlings://, not http://"),
        ("podlings:///", "no host in it"),
        ("podlings://me:secret@host", "a user or password has no place in it; a token goes into --token-file"),
    ])
    func refusesAndSaysWhy(_ text: String, _ fault: String) {
        let error = #expect(throws: MasterAddressError.self) { try MasterAddress(parsing: text) }
        #expect(error?.fault == fault)
    }

    @Test func listsKeepTheirOrderAndDropDuplicates() throws {
        let addresses = try MasterAddress.list(parsing: "b:1, a , b:1,[::1]:2")
        #expect(addresses.map(\.description) == ["b:1", "a:7070", "[::1]:2"])
    }

    @Test(arguments: ["", ",", "a,", "a,,b", "a, ,b"])
    func listsHaveNoEmptyPart(_ text: String) {
        #expect(throws: MasterAddressError.self) { try MasterAddress.list(parsing: text) }
    }
}
