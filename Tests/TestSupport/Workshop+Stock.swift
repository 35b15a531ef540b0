extension Workshop {
    /// What the tests show to each other.
    func makeStock() throws {
        try makeCA("ca", subject: "/O=Podling Tests/CN=Root")
        try makeCA("other", subject: "/O=Somebody Else/CN=Other Root")
        // Another key behind the first one's name.
        try makeCA("twin", subject: "/O=Podling Tests/CN=Root")
        let here = "DNS:localhost,IP:127.0.0.1,IP:::1"
        try issue("good", subject: "/CN=good", names: here)
        try issue("elsewhere", subject: "/CN=localhost", names: "DNS:db.example,IP:192.0.2.7")
        try issue("nameless", subject: "/CN=localhost", names: nil)
        try issue("wildcard", subject: "/CN=wildcard", names: "DNS:*.example.com,DNS:w*.partial.example,DNS:*.org")
        try issue("foreign", subject: "/CN=foreign", names: here, by: "other")
        try issue("forged", subject: "/CN=forged", names: here, by: "twin")
        try issueSelfSigned("self", subject: "/CN=self", names: here)
        try issue("expired", subject: "/CN=expired", names: here, dates: ("20200101000000Z", "20210101000000Z"))
        try issue("early", subject: "/CN=early", names: here, dates: ("20990101000000Z", "21000101000000Z"))
        try issue("revoked", subject: "/CN=revoked", names: here)
        try issue("worker", subject: "/CN=worker", names: "URI:podling://node/w1")
        try issue("client-only", subject: "/CN=client", names: here, extensions: ["extendedKeyUsage=clientAuth"])
        try issue("foreign-worker", subject: "/CN=worker", names: "URI:podling://node/w1", by: "other")
        try issue("server-only", subject: "/CN=server", names: here, extensions: ["extendedKeyUsage=serverAuth"])
        try revoke([], to: "empty")
        let past = ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z"]
        try revoke([], to: "old", dates: past)
        try revoke(["revoked"], to: "ca")
        try revoke([], by: "other", to: "other")
    }

    /// Unix time in seconds at which the certificate of that name is valid.
    public static let validAt = ["expired": 1_590_000_000, "early": 4_080_000_000]
}
