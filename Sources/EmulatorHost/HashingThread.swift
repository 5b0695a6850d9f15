import Emulator
public import NIOCore

/// The one thread that hashes for all emulated boards of a process, so that together they take one core at most.
///
/// It is an event loop of its own, used as a thread: units queue up on it, each board has at most one there.
public final class HashingThread: Sendable {
    private let loop: any EventLoop

    /// - Parameter loop: one that does nothing else; a unit keeps it busy for tens of milliseconds.
    public init(on loop: any EventLoop) { self.loop = loop }

    /// Hashes `unit`, then calls `done` on `home`.
    func hash(_ unit: SearchUnit, home: any EventLoop, done: @escaping @Sendable ([SearchHit]) -> Void) {
        loop.execute {
            let hits = run(unit)
            home.execute { done(hits) }
        }
    }
}
