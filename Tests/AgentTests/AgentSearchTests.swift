import Testing

@testable import PodlingAgent

/// Several masters, of which one leads.
@Suite struct AgentSearchTests {
    @Test func itGoesPastAStandbyToTheLeaderThatOneNames() {
        let trace = AgentTrace { $0.addressCount = 2 }
        trace.on(.tick)
        trace.on(.connected)
        #expect(trace.on(.standby(leader: "host-9:7070")) == [.disconnect("the master stands by, host-9:7070 leads")])
        trace.on(.disconnected("closed"))
        #expect((trace.deadline ?? 0) - trace.now <= 50)
        #expect(trace.pass(50) == [.connectLeader("host-9:7070")])
        // Without success: the other masters are tried, and the name again only in the next round.
        trace.on(.disconnected("refused"))
        #expect(trace.pass(AgentLimits.reconnectMillisecondsMax) == [.connect(address: 1)])
        trace.on(.connected)
        trace.on(.standby(leader: "host-9:7070"))
        trace.on(.disconnected("closed"), jitter: 0.999)
        let delay = (trace.deadline ?? 0) - trace.now
        #expect(delay >= 200 && delay <= 1_000)
        #expect(trace.pass(1_000) == [.connect(address: 0)])
        trace.on(.connected)
        trace.on(.standby(leader: "host-9:7070"))
        trace.on(.disconnected("closed"))
        #expect(trace.pass(50) == [.connectLeader("host-9:7070")])
    }

    @Test func aMasterThatLeadsNoMoreIsLeft() {
        let trace = AgentTrace { $0.addressCount = 2 }
        trace.register()
        trace.pass(5_000)
        #expect(trace.refuse("not_leader", retryable: true) == [.disconnect("the master stands by, and none leads")])
    }

    /// After a leader's shutdown it is not the first to be connected to again: neither by its place in the list, nor by
    /// the name that a standby gave.
    @Test(arguments: [true, false]) func whoIsToldToGoGoesToTheNextAtOnce(isByName: Bool) {
        let trace = AgentTrace { $0.addressCount = 2 }
        if isByName {
            trace.on(.tick)
            trace.on(.connected)
            trace.on(.standby(leader: "host-9:7070"))
            trace.on(.disconnected("closed"))
            #expect(trace.pass(50) == [.connectLeader("host-9:7070")])
        }
        trace.register()
        trace.on(.message(.drain(reconnectMilliseconds: 1_000...2_000)))
        trace.on(.disconnected("closed"))
        #expect((trace.deadline ?? 0) - trace.now <= AgentLimits.reconnectMillisecondsMin)
        #expect(trace.pass(AgentLimits.reconnectMillisecondsMin) == [.connect(address: isByName ? 0 : 1)])
    }

    @Test func aSilentMasterAmongSeveralIsLeftWellBeforeTheLeaseEnds() {
        let trace = AgentTrace { $0.addressCount = 2 }
        trace.register()
        trace.pass(5_000)
        #expect(trace.pass(5_000).contains { if case .disconnect = $0 { true } else { false } })
    }
}
