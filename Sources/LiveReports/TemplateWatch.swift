import Glibc
import LiveSources
import LiveTemplates
import NIOCore
import NIOPosix
import NodeConnections
import NodeRPC
import TemplateBuilding
import TemplateFeeds
import TemplatePolicies
public import TemplateReports

/// What `adit template watch` has to tell, as it comes.
public enum WatchNews: Sendable {
    case template(WatchReport)
    /// How a node is, which one is in use, what is wrong with a template.
    case notice(String)
}

/// Follows nodes and tells of every template that is worth more than the one before. It mines nothing, and asks nothing
/// of the nodes but what a miner would.
///
/// - Parameters:
///   - sources: addresses of nodes in order of preference, at most ``LiveNodes/maximumNodes``.
///   - duration: ends it; otherwise the task's cancellation does.
///   - tell: called on one thread.
/// - Returns: how many templates were told.
public func watchTemplates(
    _ request: TemplateRequest, of sources: [String], for duration: Duration?,
    tell: @escaping @Sendable (WatchNews) -> Void
) async throws(TemplateCommandFault) -> Int {
    let wishes = try TemplateWishes(request)
    var endpoints: [NodeEndpoint] = []
    for source in sources {
        let address: SourceAddress
        do throws(SourceAddressFault) { address = try SourceAddress(source) } catch {
            throw .live("\(error)", isUsage: true)
        }
        guard case .node(let endpoint) = address else { throw .notWatched(address.shown) }
        endpoints.append(endpoint)
    }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let watch = Watch(endpoints, wishes: wishes, on: loop, tell: tell)
    loop.execute { watch.start() }
    if let duration {
        try? await Task.sleep(for: duration)
    } else {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) }
    }
    return (try? await loop.submit { watch.stop() }.get()) ?? 0
}

/// Sendable by confinement: everything happens on `loop`.
private final class Watch: @unchecked Sendable {
    private let feed: TemplateFeed
    private let places: [String]
    private let wishes: TemplateWishes
    private let tell: @Sendable (WatchNews) -> Void
    private var told = 0

    init(
        _ endpoints: [NodeEndpoint], wishes: TemplateWishes, on loop: any EventLoop,
        tell: @escaping @Sendable (WatchNews) -> Void
    ) {
        var settings = TemplateMaker.Settings()
        settings.seed = .random(in: .min ... .max)
        feed = TemplateFeed(LiveNodes(endpoints, seed: settings.seed, on: loop), settings: settings)
        places = endpoints.map { "http://\($0.place)" }
        self.wishes = wishes
        self.tell = tell
    }

    func start() {
        feed.start { self.heard($0) }
        feed.use(wishes.plan)
        if let rules = wishes.rules { feed.use(rules) }
    }

    func stop() -> Int {
        feed.stop()
        return told
    }

    private func heard(_ news: TemplateFeed.News) {
        switch news {
        case .offer(let offer, let node):
            told += 1
            tell(.template(WatchReport(offer, source: places[node], unixTime: unixSeconds())))
        case .using(let node):
            if let node {
                if places.count > 1 { tell(.notice("\(places[node]): templates come from this node now.")) }
            } else {
                tell(.notice("No node can be used; waiting for one."))
            }
        case .health(_, _, let sentence): tell(.notice(sentence))
        case .failed(let fault, let node): tell(.notice("\(places[node]): \(fault.sentence)"))
        case .warning(let warning, let node): tell(.notice("\(places[node]): \(warning.sentence)"))
        case .policyCost, .chain: break  // the one comes with the next template
        }
    }

    private func unixSeconds() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
