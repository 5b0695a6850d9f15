public import BlockRelay
public import NIOCore
import Synchronization

/// Pushes found blocks to configured nodes by Bitcoin's peer-to-peer protocol, beside whatever else they are
/// handed to: a node of its own loses no time to a node that is slow.
///
/// Its methods may be called from anywhere.
public final class BlockAnnouncer: Sendable {
    public struct Configuration: Sendable {
        public struct Peer: Hashable, Sendable {
            public var address: PeerAddress
            public var link: PeerSession.Link

            public init(address: PeerAddress, link: PeerSession.Link = .fast) {
                self.address = address
                self.link = link
            }
        }

        /// At most `maximumPeers`.
        public var peers: [Peer]
        /// Network, name and deadlines; `link` is each peer's own.
        public var session: PeerSession.Configuration
        /// For name and TCP together.
        public var connectTimeout = Duration.seconds(5)
        /// Bytes that may wait for one peer: four of the largest blocks. One message more ends the
        /// connection.
        public var queueBytes = 16_100_000

        public init(peers: [Peer], session: PeerSession.Configuration) {
            self.peers = peers
            self.session = session
        }
    }

    public static let maximumPeers = 16

    private let loop: any EventLoop
    private let links: [PeerLink]
    private let network: PeerNetwork
    private let snapshot: Mutex<[PeerStatus]>

    /// - Parameters:
    ///   - loop: on which all connections are kept.
    ///   - onReport: called on `loop`.
    public init(
        _ configuration: Configuration, on loop: any EventLoop,
        onReport: @escaping @Sendable (PeerReport) -> Void
    ) {
        precondition(configuration.peers.count <= BlockAnnouncer.maximumPeers, "at most 16 peers")
        self.loop = loop
        network = configuration.session.network
        let links = configuration.peers.map { PeerLink($0, configuration, on: loop, onReport: onReport) }
        self.links = links
        snapshot = Mutex(links.map(\.status))
    }

    /// Begins to connect; comes once.
    public func start() {
        loop.execute {
            for (i, link) in self.links.enumerated() {
                link.onChange = { status in self.snapshot.withLock { $0[i] = status } }
                link.handle(.start)
            }
        }
    }

    /// Pushes a block to all nodes: at once to those that are connected, to the others as soon as they are.
    ///
    /// - Parameter block: made for the network of the configuration.
    public func announce(_ block: FoundBlock) {
        precondition(block.network == network, "a block goes to nodes of its network")
        loop.execute {
            // The few bytes of a compact block go out before the many of a whole one.
            for link in self.links where link.isHighBandwidth { link.handle(.announce(block)) }
            for link in self.links where !link.isHighBandwidth { link.handle(.announce(block)) }
        }
    }

    /// In the order of the configuration.
    public var status: [PeerStatus] { snapshot.withLock { $0 } }

    /// Ends all connections, once what waits has been sent, two seconds later at most.
    ///
    /// - Returns: succeeds when nothing of them is left on the loop.
    public func close() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            EventLoopFuture.andAllComplete(self.links.map { $0.close() }, on: self.loop).always { _ in
                for link in self.links { link.onChange = nil }
            }
        }
    }
}
