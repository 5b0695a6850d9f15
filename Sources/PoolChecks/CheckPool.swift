import NIOCore
import NIOPosix
import SV1
import SV2Noise

/// An address that is none.
public struct PoolCheckUsageFault: Error, CustomStringConvertible, Sendable {
    public let description: String
}

extension PoolCheck {
    /// - Parameter address: as people write it; see `PoolURL`.
    public init(
        address: String, user: String, password: String, timeout: Duration
    ) throws(PoolCheckUsageFault) {
        do {
            try self.init(url: PoolURL(address), user: user, password: password, timeout: timeout)
        } catch let fault as AuthorityKeyError {
            throw PoolCheckUsageFault(
                description: "the authority key at the end of the address is not usable: \(fault)")
        } catch {
            throw PoolCheckUsageFault(description: "\(error)")
        }
    }

    /// Visits the pool on a loop of its own, and leaves. Returns a report, also of a visit that failed.
    public func run() async -> PoolCheckReport {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // The future never fails; the group's end closes what is left of the connection.
        let report = try? await run(on: group.next()).get()
        try? await group.shutdownGracefully()
        guard let report else { preconditionFailure("a visit ends with a report") }
        return report
    }
}
