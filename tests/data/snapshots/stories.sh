#!/bin/bash
# The processes of one recording, for namespaces of their own:
#   unshare -C unshare -pfmunC --mount-proc --kill-child bash stories.sh STORY
# They do nothing. Titles are written by perl over its own arguments, as nginx does over its.
set -eu
hostname "$1"
mount -t tmpfs none /opt
printf 'root:x:0:0::/root:/bin/bash\nshop:x:1000:1000::/srv/shop:/bin/sh\n' >/opt/passwd
mount --bind /opt/passwd /etc/passwd
printf 'int pause(void);\nint main(void) { for (;;) pause(); }\n' >/opt/idle.c
cc -o /opt/idle /opt/idle.c

called() { (exec -a "$1" /opt/idle "${@:2}") & }
shop() { (exec -a "$1" setpriv --reuid 1000 --regid 1000 --clear-groups /opt/idle "${@:2}") & }
titled() { # a process and its children
    perl -e '$0 = shift; for (@ARGV) { my $title = $_; fork or do { $0 = $title; last } } sleep' "$@" &
}

case $1 in
web-1)
    titled 'nginx: master process /usr/sbin/nginx -g daemon off;' 'nginx: worker process' 'nginx: worker process'
    titled 'nginx: master process nginx -c /opt/conf/web.conf' 'nginx: worker process'
    titled 'php-fpm: master process (/etc/php/7.4/fpm/php-fpm.conf)' 'php-fpm: pool www'
    titled 'sshd: root@pts/0'
    called -bash
    called /usr/bin/python3 /opt/shop/app.py --port 80
    ;;
db-1)
    called mysqldump -uroot -phunter2 orders
    called java -Xmx1g -Ddb.password=hunter2 -jar /opt/pay/pay.jar --spring.profiles.active=prod
    called curl -H 'Authorization: Bearer aGVsbG8gd29ybGQ' 'https://shop:hunter2@example.com/?page=2'
    called /usr/sbin/mysqld --password-file=/etc/mysql/password
    shop /opt/idle --user=shop
    ;;
odd-1)
    called '' 30
    called $'caf\xe9' 30
    called '数据库' --port 80
    called $'\e[31m[red]'
    called /
    called /opt/tool/ 30
    called sh '' a '' ''
    perl -e 'fork or exit; $0 = "keeper of a zombie"; sleep' &
    perl -e 'open F, ">/proc/self/comm"; print F "a) R 1 (b"; close F; sleep' &
    ;;
esac
sleep 0.5
exec -a /sbin/init /opt/idle
