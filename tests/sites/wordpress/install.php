<?php
// Installs the site and publishes what comes on stdin, as JSON.
define('WP_INSTALLING', true);
$root = getenv('SITE_ROOT');
$_SERVER['HTTP_HOST'] = parse_url(getenv('SITE_URL'), PHP_URL_HOST) . ':' . parse_url(getenv('SITE_URL'), PHP_URL_PORT);
$_SERVER['REQUEST_URI'] = '/';
require "$root/wp-load.php";
require ABSPATH . 'wp-admin/includes/upgrade.php';
function wp_new_blog_notification($title, $url, $user, $password) {}
wp_install('The Weekly Farthing', 'editor', 'editor@news.example', true, '', wp_slash(bin2hex(random_bytes(8))));
$given = json_decode(stream_get_contents(STDIN), true);
// Settings → Permalinks, and Settings → Reading: "For each post in a feed, include: Excerpt"
global $wp_rewrite;
$wp_rewrite->set_permalink_structure('/articles/%postname%/');
update_option('rss_use_excerpt', 1);
update_option('timezone_string', 'UTC');
wp_delete_post(1, true);
$paragraph = fn ($html) => "<!-- wp:paragraph -->\n<p>$html</p>\n<!-- /wp:paragraph -->";
foreach ($given['articles'] as $number => $article) {
    $audio = empty($article['audio']) ? '' : '<!-- wp:audio --><figure class="wp-block-audio"><audio controls preload="none" src="' . getenv('SITE_URL')
        . "/wp-content/uploads/{$article['slug']}-{$article['audio']}\"></audio></figure><!-- /wp:audio -->\n";
    $free = implode("\n\n", array_map($paragraph, $article['free']));
    $premium = implode("\n\n", array_map($paragraph, $article['premium']));
    $common = [
        'post_status' => 'publish', 'post_author' => 1, 'post_title' => $article['title'], 'post_date' => "2026-11-0" . ($number + 1) . " 08:00:00",
        'post_date_gmt' => "2026-11-0" . ($number + 1) . " 08:00:00",
    ];
    // one whose excerpt was written, with the premium part in a group of the class "paid"
    $id = wp_insert_post(wp_slash($common + [
        'post_name' => $article['slug'], 'post_excerpt' => $article['dek'],
        'post_content' => "$audio$free\n\n<!-- wp:group {\"className\":\"paid\"} -->\n<div class=\"wp-block-group paid\">$premium</div>\n<!-- /wp:group -->",
    ]));
    wp_insert_comment(wp_slash(['comment_post_ID' => $id, 'comment_author' => 'A reader', 'comment_author_email' => 'reader@news.example', 'comment_content' => 'I was there, and it rained.', 'comment_approved' => 1, 'comment_date' => '2026-11-03 09:00:00', 'comment_date_gmt' => '2026-11-03 09:00:00']));
    // and one as it was written before there were blocks, with "Read more"
    wp_insert_post(wp_slash($common + [
        'post_name' => "old-{$article['slug']}", 'post_excerpt' => $article['dek'],
        'post_content' => implode("\n\n", $article['free']) . "\n\n<!--more-->\n\n" . implode("\n\n", $article['premium']),
    ]));
}
$notice = $given['notice'];
wp_insert_post(wp_slash([
    'post_type' => 'page', 'post_status' => 'publish', 'post_author' => 1, 'post_name' => $notice['slug'], 'post_title' => $notice['title'],
    'post_date' => '2026-11-01 08:00:00', 'post_date_gmt' => '2026-11-01 08:00:00',
    'post_content' => implode("\n\n", array_map($paragraph, $notice['paragraphs'])),
]));
$wp_rewrite->init();
flush_rewrite_rules(false);
update_option('db_upgraded', false);
