import FoundationEssentials
import Testing

@testable import PodlingWorker

@Suite struct AgentStateDirectoryTests {
    @Test(arguments: [0o777, 0o770, 0o702]) func oneThatOthersCanChangeIsRefused(mode: Int) throws {
        try inTemporaryDirectory { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            let error = #expect(throws: StateDirectoryError.self) { try StateDirectory(path) }
            #expect(error?.description.contains("chmod 0700") == true, "\(String(describing: error))")
        }
    }

    private func inTemporaryDirectory(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "podling-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body("\(path)/state")
    }

    @Test func theNodeIdOutlivesTheProcess() throws {
        try inTemporaryDirectory { path in
            var first: StateDirectory? = try StateDirectory(path)
            let nodeId = try first?.nodeId(given: nil, hostname: "a.example.org")
            #expect(nodeId?.hasPrefix("a-") == true)
            first = nil
            let second = try StateDirectory(path)
            #expect(try second.nodeId(given: nil, hostname: "another") == nodeId)
            #expect(try second.nodeId(given: "mine", hostname: "another") == "mine")
            #expect(try second.nodeId(given: nil, hostname: "another") == nodeId)
        }
    }

    @Test func oneWorkerAtATimeHasIt() throws {
        try inTemporaryDirectory { path in
            let first = try StateDirectory(path)
            let error = #expect(throws: StateDirectoryError.self) { try StateDirectory(path) }
            #expect(error?.description.contains("another worker uses the state directory") == true)
            withExtendedLifetime(first) {}
        }
    }

    @Test(arguments: ["", "a b", String(repeating: "x", count: 64), "ä"])
    func aBadNodeIdIsRefused(_ nodeId: String) throws {
        try inTemporaryDirectory { path in
            let state = try StateDirectory(path)
            #expect(throws: StateDirectoryError.self) { try state.nodeId(given: nodeId, hostname: "h") }
        }
    }

    @Test(arguments: [
        (["XDG_STATE_HOME": "/x", "HOME": "/h"], false, "/x/podling-worker"),
        (["XDG_STATE_HOME": "x", "HOME": "/h"], false, "/h/.local/state/podling-worker"),
        (["HOME": "/h"], false, "/h/.local/state/podling-worker"),
        (["HOME": "/root"], true, "/var/lib/podling-worker"),
    ])
    func itHasAUsualPlace(_ environment: [String: String], _ isRoot: Bool, _ path: String) {
        #expect(StateDirectory.defaultPath(environment: environment, isRoot: isRoot) == path)
    }
}

@Suite struct AgentMachineFactsTests {
    @Test func thisMachineHasSomething() {
        let facts = MachineFacts.read()
        #expect(facts.cpuMillis > 0)
        #expect(facts.memoryBytes > 0)
        #expect(!facts.hostname.isEmpty)
    }

    @Test(arguments: [("\t0-2,5", 4), ("0", 1), ("", nil), ("x", nil), ("3-1", nil)])
    func aListOfCoresIsCounted(_ list: String, _ count: Int?) {
        #expect(MachineFacts.listCount(list[...]) == count)
    }

    @Test(arguments: [
        ("200000 100000", 2_000), ("50000 100000", 500), ("max 100000", nil), ("-1 100000", nil), ("", nil),
        ("1 0", nil),
    ])
    func aCPUQuotaIsRead(_ text: String, _ millis: Int?) {
        #expect(ControlGroup.cpuMillis(max: text) == millis)
    }

    @Test(arguments: [
        ("0::/", [""]), ("0::/a/b\n", ["", "/a", "/a/b"]), ("1:cpu:/x\n0::/a\n", ["", "/a"]), ("", [""]),
        ("0::/../a", ["", "/a"]),
    ])
    func theFoldersOfAControlGroupAreFound(_ text: String, _ folders: [String]) {
        #expect(ControlGroup.folders(of: text) == folders)
    }
}
