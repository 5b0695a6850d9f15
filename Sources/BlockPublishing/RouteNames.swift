public import BlockRoutes
import LiveSources
import NodeConnections
import TemplateProviders

/// What people call the routes. Routes without a name are called by their number.
public struct RouteNames: Hashable, Sendable {
    /// Places, such as `127.0.0.1:8332`.
    public var nodes: [String]
    public var providers: [String]
    /// Of pools and job declarators, by the numbers that their routes have.
    public var pools: [Int: String]
    public var declarators: [Int: String]

    public init(
        nodes: [String] = [], providers: [String] = [], pools: [Int: String] = [:],
        declarators: [Int: String] = [:]
    ) {
        self.nodes = nodes
        self.providers = providers
        self.pools = pools
        self.declarators = declarators
    }

    /// With the places of nodes and providers.
    public init(of ways: BlockPublisher.Ways, pools: [Int: String] = [:], declarators: [Int: String] = [:]) {
        self.init(
            nodes: ways.nodes?.services.map(\.endpoint.place) ?? [],
            providers: ways.providers.map(\.endpoint.place), pools: pools, declarators: declarators)
    }

    /// As it stands within a sentence.
    public func name(of route: BlockRoute) -> String {
        switch route {
        case .node(let index):
            "the node \(nodes.indices.contains(index) ? "at \(nodes[index])" : "\(index + 1)")"
        case .templateProvider(let index):
            "the template provider \(providers.indices.contains(index) ? "at \(providers[index])" : "\(index + 1)")"
        case .pool(let index): "the pool \(pools[index] ?? "\(index + 1)")"
        case .jobDeclarator(let index): "the job declarator \(declarators[index] ?? "\(index + 1)")"
        case .peers: "the network of peers"
        }
    }
}
