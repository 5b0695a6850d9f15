import Glibc

/// Lets this process open more files and sockets: as many as it wants, or as the system's hard limit allows.
///
/// - Returns: how many it may have open now.
@discardableResult
public func raiseDescriptorLimit(to wanted: Int) -> Int {
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0 else { return 0 }
    let better = min(max(limit.rlim_cur, rlim_t(clamping: wanted)), limit.rlim_max)
    var next = rlimit(rlim_cur: better, rlim_max: limit.rlim_max)
    return Int(clamping: setrlimit(kind, &next) == 0 ? better : limit.rlim_cur)
}
