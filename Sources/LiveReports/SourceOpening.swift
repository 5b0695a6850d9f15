import BitcoinPrimitives
import LiveSources
import MempoolREST
import NIOCore
import NIOPosix
public import Payouts
public import ProviderTemplates
import RESTConnections
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateProviders
public import TemplateReports
public import TemplateSources

/// What a SOURCE holds.
public enum OpenedSource: Sendable {
    /// Transactions to choose from.
    case mempool(TemplateSource)
    /// A template that is used whole or not at all: a template provider's, and where it is.
    case finished(FinishedTemplate, at: String)
}

extension OpenedSource {
    /// What can be chosen from.
    public var mempool: TemplateSource {
        get throws(TemplateCommandFault) {
            switch self {
            case .mempool(let source): return source
            case .finished(_, let place): throw .nothingToChoose(place)
            }
        }
    }
}

/// Opens what SOURCE names: a file at once, a node when its mempool is here, a template provider with its first
/// template, a mempool service with what it has told after `wait` or when it has no more to tell.
///
/// - Parameters:
///   - network: whose subsidies are believed of a template provider, which does not tell.
///   - progress: a sentence, a few times a second at most.
public func openSource(
    _ text: String, network: BitcoinNetwork?, wait: Duration,
    progress: @escaping @Sendable (String) -> Void
) async throws(TemplateCommandFault) -> OpenedSource {
    let address: SourceAddress
    do throws(SourceAddressFault) { address = try SourceAddress(text) } catch {
        throw .live("\(error)", isUsage: true)
    }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    switch address {
    case .file(let path):
        do throws(SourceFault) { return .mempool(try TemplateSource(file: path)) } catch {
            throw .source(error)
        }
    case .node(let endpoint):
        do throws(LiveSourceFault) {
            return .mempool(
                try await TemplateSource.following(endpoint, on: loop) { progress("\(address.shown): \($0)") }
            )
        } catch {
            throw .live("\(error)", isUsage: false)
        }
    case .templateProvider:
        return .finished(try await finished(text, network, on: loop), at: address.shown)
    case .mempoolService(let base):
        return .mempool(try await candidates(base, wait, on: loop, progress))
    }
}

private func finished(
    _ text: String, _ network: BitcoinNetwork?, on loop: any EventLoop
) async throws(TemplateCommandFault) -> FinishedTemplate {
    let endpoint: TemplateProviderEndpoint
    do throws(EndpointFault) { endpoint = try TemplateProviderEndpoint(text) } catch {
        throw .live("\(error)", isUsage: true)
    }
    // Room for one output of the usual size; what else the coinbase needs the provider knows.
    let output = TransactionOutput(value: .zero, script: [0x51, 0x20] + [UInt8](repeating: 0, count: 32))
    var configuration = ProviderFollower.Configuration(
        identity: ClientIdentity(
            endpointHost: WireText(String(decoding: endpoint.host.utf8.prefix(255), as: UTF8.self)),
            endpointPort: UInt16(endpoint.port),
            vendor: "adit", hardwareVersion: "", firmware: ""),
        constraints: .init(for: [output]), seed: .random(in: .min ... .max))
    configuration.schedule = network.map { $0 == .regtest ? SubsidySchedule.regtest : .mainnet }
    do {
        return try await TemplateProviderService.collect(
            from: endpoint, configuration: configuration, within: .seconds(30), on: loop
        ).get()
    } catch let failure as ProviderFailure {
        throw .live(endpoint.sentence(for: .down(failure.trouble)), isUsage: false)
    } catch {
        throw .live("\(endpoint.place): \(error)", isUsage: false)
    }
}

private func candidates(
    _ base: String, _ wait: Duration, on loop: any EventLoop, _ progress: @escaping @Sendable (String) -> Void
) async throws(TemplateCommandFault) -> TemplateSource {
    let endpoint: RESTEndpoint
    do throws(RESTAddressFault) { endpoint = try RESTEndpoint(base) } catch {
        throw .live("\(base): \(error)", isUsage: true)
    }
    let visit = ServiceVisit(endpoint, on: loop) { progress("\(base): \($0) transactions") }
    loop.execute { visit.start() }
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: wait)
    while clock.now < end {
        try? await Task.sleep(for: .milliseconds(100))
        guard !Task.isCancelled else { break }
        let isOver = (try? await loop.submit { visit.isOver }.get()) ?? true
        if isOver { break }
    }
    let result = try? await loop.submit { visit.end() }.get()
    guard let result, !result.snapshot.candidates.isEmpty || result.isComplete
    else {
        throw .live(
            result?.problem
                ?? "\(base) has told nothing in \(wait.components.seconds) seconds. Is it a mempool service? Give it "
                + "more time with --wait.", isUsage: false)
    }
    return TemplateSource(candidatesAt: base, entries: result.snapshot.candidates.map(\.unaccepted))
}

/// Sendable by confinement: everything happens on the loop.
private final class ServiceVisit: @unchecked Sendable {
    struct Result: Sendable {
        var snapshot: CandidateSnapshot
        var isComplete: Bool
        var problem: String?
    }

    private let service: LiveCandidateService
    private let progress: @Sendable (Int) -> Void
    private var told = 0
    private var problem: String?

    init(_ endpoint: RESTEndpoint, on loop: any EventLoop, progress: @escaping @Sendable (Int) -> Void) {
        var configuration = CandidateFollower.Configuration()
        configuration.seed = .random(in: .min ... .max)
        service = LiveCandidateService(endpoint, configuration: configuration, on: loop)
        self.progress = progress
    }

    /// Nothing more is to be expected: all is here, or nothing ever will be.
    var isOver: Bool {
        let count = service.snapshot().candidates.count
        if count > told {
            told = count
            progress(count)
        }
        return switch service.health {
        case .starting, .gathering: false
        case .following: true
        case .down: told == 0
        }
    }

    func start() {
        service.start(
            onChange: { _ in },
            onHealth: { health in
                if case .down = health { self.problem = self.service.endpoint.sentence(for: health) }
            })
    }

    func end() -> Result {
        let isComplete = service.health == .following
        let snapshot = service.snapshot()
        service.stop()
        return Result(snapshot: snapshot, isComplete: isComplete, problem: problem)
    }
}
