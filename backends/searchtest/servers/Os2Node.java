import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.ingest.common.IngestCommonPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.transport.Netty4Plugin;

// One node of OpenSearch 2 without a distribution. It prints "ready HOST:PORT",
// lives until its standard input ends and then removes its folder.
public class Os2Node extends Node {
    Os2Node(Settings settings) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test"), List.of(Netty4Plugin.class, ReindexPlugin.class, MapperExtrasPlugin.class, CommonAnalysisPlugin.class, PainlessPlugin.class, IngestCommonPlugin.class), false);
    }

    public static void main(String[] args) throws Exception {
        var ready = System.out;
        System.setOut(System.err); // nothing but the address goes to who waits for it
        var home = Path.of(args[0]);
        var node = new Os2Node(Settings.builder()
            .put("path.home", home.toString())
            .put("cluster.name", "searchtest")
            .put("node.name", "searchtest")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            // Tests make an index a day, and the disk may be fuller than a server likes.
            .put("cluster.max_shards_per_node", "20000")
            .put("indices.mapping.dynamic_timeout", "5m") // on a machine that does much else
            .put("cluster.routing.allocation.disk.threshold_enabled", "false")
            .build());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(node, home)));
        node.start();
        ready.println("ready " + node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress());
        ready.flush();
        while (System.in.read() >= 0) {
            // whoever started this is alive
        }
        System.exit(0);
    }

    static void end(Node node, Path home) {
        try {
            node.close();
            try (Stream<Path> all = Files.walk(home)) {
                for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(p);
                }
            }
        } catch (IOException e) {
            e.printStackTrace();
        }
    }
}
