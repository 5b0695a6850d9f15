import Glibc
public import NIOCore
public import Units

extension Instant {
    /// This machine's monotonic clock, the one that event loops keep time by. For edges; cores are told the time.
    public static var now: Instant {
        Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    /// The same point in time for an event loop.
    public var deadline: NIODeadline { .uptimeNanoseconds(UInt64(clamping: nanoseconds)) }
}

/// Seconds since 1970 by this machine's clock: for certificates, header times and tokens.
public func unixTime() -> UInt32 { UInt32(clamping: time(nil)) }
