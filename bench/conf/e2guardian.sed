# Changes to the packaged e2guardian.conf, e2guardianf1.conf and stories (5.3.5).
s#/etc/e2guardian#@WORK@/e2guardian#g
s#^filterip = .*#filterip = 127.0.0.1#
s#^transparenthttpsport.*#transparenthttpsport =#
s#^loglevel = .*#loglevel = 0#
s#^nodaemon = .*#nodaemon = on#
s#^nologger = .*#nologger = on#
s#^logconnectionhandlingerrors = .*#logconnectionhandlingerrors = off#
s#^weightedphrasemode = .*#weightedphrasemode = 0#
s#^enablessl = .*#enablessl = @INTERCEPT@#
s#^sslmitm = .*#sslmitm = @INTERCEPT@#
s#^mitmcheckcert = .*#mitmcheckcert = off#
