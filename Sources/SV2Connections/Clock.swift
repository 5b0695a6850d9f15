import Glibc

/// Seconds since 1970 by the machine's clock, which certificates are compared with.
func unixTime() -> UInt32 { UInt32(clamping: time(nil)) }
