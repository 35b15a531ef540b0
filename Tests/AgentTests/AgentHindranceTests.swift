import Testing

@testable import PodlingAgent

/// Permanent failures, which last until somebody changes something: logged once, and retried with a long delay.
@Suite struct AgentHindranceTests {
    private let why = "podlings://db1:7070: the server's certificate is not for 'db1' but for DNS:db2"

    /// Fails a connection, and waits for the next attempt.
    private func fail(_ trace: AgentTrace, _ why: String, isLasting: Bool = true) -> Int64 {
        trace.on(.disconnected(why, isLasting: isLasting), jitter: 0.5)
        let delay = (trace.deadline ?? 0) - trace.now
        trace.pass(delay)
        return delay
    }

    @Test func itIsToldOnceAndTriedAtLeisure() {
        let trace = AgentTrace()
        trace.on(.tick)
        for _ in 0..<5 {
            let delay = fail(trace, why)
            #expect(delay >= AgentLimits.lastingFailureMilliseconds / 2)
            #expect(delay <= AgentLimits.lastingFailureMilliseconds)
        }
        #expect(trace.notes.filter { $0.level != .debug }.count == 1)
        #expect(trace.notes.first?.text.hasPrefix("no connection: \(why); next try in ") == true)
        #expect(trace.notes.first?.level == .warning)
        _ = fail(trace, why + ", too")
        #expect(trace.notes.filter { $0.level == .warning }.count == 2, "another reason is told")
    }

    @Test func afterARegistrationItIsNewsAgain() {
        let trace = AgentTrace()
        trace.on(.tick)
        _ = fail(trace, why)
        trace.on(.connected)
        trace.on(.hello(versions: 1...1))
        trace.acknowledge(AgentTrace.orders())
        _ = fail(trace, why)
        #expect(trace.notes.filter { $0.level == .warning }.count == 2)
    }

    @Test func anotherMasterIsTriedAtOnce() {
        let trace = AgentTrace { $0.addressCount = 2 }
        trace.on(.tick)
        #expect(fail(trace, why) <= AgentLimits.reconnectMillisecondsMax)
        #expect(fail(trace, "refused", isLasting: false) <= AgentLimits.reconnectMillisecondsMax)
        #expect(fail(trace, why) <= AgentLimits.reconnectMillisecondsMax, "the other one may come back")
        #expect(fail(trace, why + ", too") >= AgentLimits.lastingFailureMilliseconds / 2)
    }

    @Test(arguments: ["unauthenticated", "forbidden"]) func aHelloThatIsRefusedIsOne(code: String) {
        let trace = AgentTrace()
        for _ in 0..<3 {
            trace.pass(AgentLimits.lastingFailureMilliseconds)
            trace.on(.connected)
            let requests = trace.on(.hello(versions: 1...1))
            guard case .send(let hello)? = requests.first else {
                Issue.record("no hello")
                return
            }
            let fault = MasterFault(code: code, message: "no such token")
            trace.on(.reply(id: hello.id, .failed(fault)))
            #expect(fail(trace, "the other side closed the connection") >= AgentLimits.lastingFailureMilliseconds / 2)
        }
        let told = trace.notes.filter { $0.level == .warning }
        #expect(told.count == 1)
        #expect(told.first?.text.contains("\(code): no such token; see --token-file, --sslcert") == true)
    }

    @Test func aRegistrationThatIsRefusedForItIsNotTriedOnTheSameConnection() {
        let trace = AgentTrace()
        for _ in 0..<3 {
            trace.pass(AgentLimits.lastingFailureMilliseconds)
            trace.on(.connected)
            let ids = trace.on(.hello(versions: 1...1)).compactMap { action -> Int? in
                guard case .send(let request) = action else { return nil }
                return request.id
            }
            #expect(ids.count == 2)
            trace.on(
                .reply(id: ids.first, .failed(MasterFault(code: "unauthenticated", message: "token: is required")))
            )
            let fault = MasterFault(code: "unauthenticated", message: "register: say hello first")
            #expect(trace.on(.reply(id: ids.last, .failed(fault))).count == 1, "it hangs up")
            #expect(fail(trace, "closed", isLasting: false) >= AgentLimits.lastingFailureMilliseconds / 2)
        }
        let told = trace.notes.filter { $0.level != .debug }
        #expect(told.count == 1)
        #expect(told.first?.text.contains("token: is required") == true)
    }

    @Test func aMasterThatWantsTLSIsOne() {
        let trace = AgentTrace()
        trace.on(.tick)
        trace.on(.connected)
        #expect(trace.pass(AgentLimits.prodMilliseconds).bodies == [.ping])
        trace.on(.error(MasterFault(code: "tls_required", message: "this port speaks TLS")))
        #expect(fail(trace, "closed", isLasting: false) >= AgentLimits.lastingFailureMilliseconds / 2)
        #expect(trace.notes.last?.text.contains("the master wants TLS: use podlings:// in --master") == true)
    }
}
