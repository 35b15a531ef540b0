import PodlingAccess
import PodlingShell
import PodlingTLS
import Testing

@testable import PodlingMaster

/// Who the holder of a certificate is.
@Suite struct PeerCredentialsTests {
    private static func holder(_ names: [CertificateFacts.Name], _ role: Role? = .client) -> PeerCredentials {
        PeerCredentials(subject: "CN=somebody", names: names, role: role)
    }

    @Test(arguments: Role.allCases)
    func aNodesCertificateIsThatNodesWorker(role: Role) {
        let names: [CertificateFacts.Name] = [.dns("w1.example"), .uri("spiffe://x/y"), .uri("podling://node/w1")]
        #expect(Self.holder(names, role) == .known(Identity(role: .worker, name: "w1", node: "w1")))
        #expect(Self.holder(names, nil) == .known(Identity(role: .worker, name: "w1", node: "w1")))
    }

    @Test func anyOtherHasTheRoleThatIsSet() {
        #expect(Self.holder([.dns("a")]) == .known(Identity(role: .client, name: "CN=somebody")))
        #expect(Self.holder([], .admin) == .known(Identity(role: .admin, name: "CN=somebody")))
        #expect(Self.holder([.uri("https://podling/node/w1")], nil) == .unknown)
    }

    @Test(arguments: [
        ["podling://node/"], ["podling://node/a/b"], ["podling://node"], ["podling://nodes/a"],
        ["podling://role/admin"],
        ["PODLING://node/w1"], ["podling://node/a b"], ["podling://node/w1\\x00"], ["podling://node/w1?x"],
        ["podling://node/w1", "podling://node/w2"], ["podling://node/w1", "podling://node/w1"],
    ])
    func whatIsNotPlainLetsNobodyIn(uris: [String]) {
        guard case .refused(let reason) = Self.holder(uris.map { .uri($0) }) else {
            Issue.record("\(uris) let somebody in")
            return
        }
        #expect(reason.contains("podling://"))
    }
}
