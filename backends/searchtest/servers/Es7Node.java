import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.index.mapper.MapperExtrasPlugin;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.reindex.ReindexPlugin;
import org.elasticsearch.transport.Netty4Plugin;

// One node of Elasticsearch 7 without a distribution. It prints "ready HOST:PORT",
// lives until its standard input ends and then removes its folder.
public class Es7Node extends Node {
    Es7Node(Settings settings) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test"), List.of(Netty4Plugin.class, ReindexPlugin.class, MapperExtrasPlugin.class), false);
    }

    public static void main(String[] args) throws Exception {
        var ready = System.out;
        System.setOut(System.err); // nothing but the address goes to who waits for it
        var home = Path.of(args[0]);
        var node = new Es7Node(Settings.builder()
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
