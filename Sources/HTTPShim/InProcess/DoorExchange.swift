import PodlingMaster
import PodlingProtocol

/// Sends requests with a deadline over one in-process connection to the master.
struct DoorExchange: Sendable {
    let door: any MasterDoor
    let timeoutSeconds: Int

    /// Opens a connection and sends hello on it; `helloLine` has the role.
    ///
    /// - Parameter isForNobody: whether an unauthenticated session is good enough.
    func open(helloLine: [UInt8], for peer: DoorPeer, isForNobody: Bool = false) async throws -> any DoorSession {
        let session: any DoorSession
        do {
            session = try await door.open(peer)
        } catch {
            throw HTTPProblem.unavailable("the master takes no connection now")
        }
        do {
            try await request(helloLine, on: session).check()
        } catch let problem as HTTPProblem where isForNobody && problem.isUnauthenticated {
            return session
        } catch let closed as DoorClosed {
            session.close()
            // For example, a certificate that is never admitted.
            if let line = closed.errorLine { try DoorReply(line: line).check() }
            throw HTTPProblem.unavailable("the master takes no connection now")
        } catch {
            session.close()
            throw error
        }
        return session
    }

    /// Rejects a line so long that it would close the connection for all who share it.
    static func checkLength(_ line: [UInt8]) throws {
        guard line.count <= Limits.lineBytesMax else { throw HTTPProblem.tooLarge(bytesMax: Limits.lineBytesMax) }
    }

    /// Sends one request. At the deadline the connection is closed, since later requests on it wait behind the same
    /// reply.
    func request(_ line: [UInt8], on session: any DoorSession) async throws -> DoorReply {
        do {
            return try await withThrowingTaskGroup(of: DoorReply?.self) { group in
                group.addTask { DoorReply(line: try await session.request(line)) }
                group.addTask {
                    try await Task.sleep(for: .seconds(timeoutSeconds))
                    session.close()
                    return nil
                }
                defer { group.cancelAll() }
                guard let reply = try await group.next() ?? nil else {
                    throw HTTPProblem.unavailable("the master did not answer in time; this may have taken effect")
                }
                return reply
            }
        } catch let problem as HTTPProblem {
            throw problem
        } catch let closed as DoorClosed {
            throw closed
        } catch {
            throw HTTPProblem.unavailable("the master closed the connection; this may have taken effect")
        }
    }
}
