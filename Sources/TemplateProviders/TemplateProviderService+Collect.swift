public import NIOCore
public import ProviderTemplates
import Transports

extension TemplateProviderService {
    /// One template, for who wants no other: connects, waits for the first that is checked, and leaves.
    ///
    /// - Parameter patience: for all of it; a provider that does what is asked needs less than a second.
    /// - Returns: fails with `ProviderFailure`: at once when the provider cannot be had, at the end of the patience with
    ///   what was wrong last.
    public static func collect(
        from endpoint: TemplateProviderEndpoint, configuration: ProviderFollower.Configuration,
        within patience: Duration, on loop: any EventLoop
    ) -> EventLoopFuture<FinishedTemplate> {
        let promise = loop.makePromise(of: FinishedTemplate.self)
        loop.execute {
            let service = TemplateProviderService(endpoint, configuration: configuration, on: loop)
            var last: ProviderTrouble?
            var isOver = false
            func end(_ result: Result<FinishedTemplate, ProviderFailure>) {
                guard !isOver else { return }
                isOver = true
                // Not from within the service's own call.
                loop.assumeIsolated().execute { service.stop() }
                switch result {
                case .success(let template): promise.succeed(template)
                case .failure(let failure): promise.fail(failure)
                }
            }
            let timer = loop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) {
                end(.failure(ProviderFailure(last ?? .noTemplate(after: patience))))
            }
            promise.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
            service.start(
                onChange: { if case .template(let template) = $0 { end(.success(template)) } },
                onHealth: {
                    guard case .down(let trouble) = $0 else { return }
                    last = trouble
                    switch trouble {
                    case .stalled, .noTemplate, .mistrusted, .oldTip: break  // it may still come
                    case .link, .refused, .version, .garbage, .badTemplate, .badTip, .outOfSync,
                        .contradiction:
                        end(.failure(ProviderFailure(trouble)))
                    }
                })
        }
        return promise.futureResult
    }
}

/// Why no template was had.
public struct ProviderFailure: Error, Hashable, Sendable {
    public var trouble: ProviderTrouble

    public init(_ trouble: ProviderTrouble) { self.trouble = trouble }
}
