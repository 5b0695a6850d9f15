public import NIOCore

/// Tells of peers that were turned away without letting them fill a log: the first few of each ten seconds one by one,
/// the others as a number at the end. On its loop only.
public final class RefusalLog<Closure> {
    private static var window: Duration { .seconds(10) }
    private static var told: Int { 16 }

    private let loop: any EventLoop
    private let tell: (String, Closure) -> Void
    private let tellMore: (Int, Duration) -> Void
    private var count = 0
    private var windowEnd: Scheduled<Void>?

    /// - Parameters:
    ///   - tell: an address and a reason.
    ///   - tellMore: how many more there were, in which time.
    public init(
        loop: any EventLoop, tell: @escaping (String, Closure) -> Void,
        tellMore: @escaping (Int, Duration) -> Void
    ) {
        self.loop = loop
        self.tell = tell
        self.tellMore = tellMore
    }

    public func record(_ address: String, _ reason: Closure) {
        loop.preconditionInEventLoop()
        if windowEnd == nil {
            windowEnd = loop.assumeIsolated().scheduleTask(in: TimeAmount(Self.window)) { self.endWindow() }
        }
        count += 1
        if count <= Self.told { tell(address, reason) }
    }

    /// Says at once what it would say later: the port is closed.
    public func flush() {
        loop.preconditionInEventLoop()
        windowEnd?.cancel()
        endWindow()
    }

    private func endWindow() {
        windowEnd = nil
        if count > Self.told { tellMore(count - Self.told, Self.window) }
        count = 0
    }
}
