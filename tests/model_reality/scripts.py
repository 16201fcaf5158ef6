"""What is said to the model and to real servers.

`a` and `b` are logged in, `n` is not.  `@` stands before a mailbox name that the server's prefix
and delimiter belong to; `«text»` is a synchronising literal, `‹text›` one that does not wait;
`# ATOM` means: only where that is offered.
"""

from __future__ import annotations

MAIL = "From: a@x|Message-ID: <%s@x>|Subject: s||Body %s|"
FILL = "\n".join(
    f'a APPEND INBOX ({flags}) "05-Feb-2020 0{n}:02:03 +0100" «{MAIL % (n, n)}»'
    for n, flags in enumerate(["", "\\Seen", "\\Flagged \\Draft", "$Forwarded", ""], 1)
)

SCRIPTS = {
    "reading": """
        a SELECT INBOX
        a UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)
        a UID FETCH 1,3 (BODY.PEEK[HEADER])
        a UID FETCH 2 (BODY.PEEK[])
        a UID FETCH 2 (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])
        a FETCH 2:3 (UID FLAGS)
        a UID FETCH 77:99 (FLAGS)
        a UID FETCH 77:* (FLAGS)
        a UID FETCH 5 (BODY[TEXT])
        a UID FETCH 5 (FLAGS)
        a UID FETCH 1 (BODY.PEEK[]<5.10>)
        a EXAMINE INBOX
        a UNSELECT  # UNSELECT
        a UID FETCH 1 (FLAGS)
        a SELECT @Nowhere
    """,
    "searching": """
        a SELECT INBOX
        a UID SEARCH ALL
        a UID SEARCH SEEN
        a UID SEARCH UNSEEN UNDELETED
        a UID SEARCH UID 2:4294967295
        a UID SEARCH HEADER Message-ID <3@x>
        a UID SEARCH HEADER Message-ID <nobody@x>
        a UID SEARCH KEYWORD $Forwarded
        a UID SEARCH OR SEEN FLAGGED
        a UID SEARCH NOT SEEN
        a UID SEARCH RETURN (ALL) ALL  # ESEARCH
        a UID SEARCH RETURN (ALL COUNT MIN MAX) UNSEEN  # ESEARCH
        a UID SEARCH RETURN (ALL COUNT) DELETED  # ESEARCH
        a SEARCH FLAGGED
    """,
    "flags": """
        a SELECT INBOX
        a UID STORE 1:2 +FLAGS (\\Seen \\Answered)
        a UID STORE 1:2 -FLAGS (\\Answered)
        a UID STORE 1 FLAGS (\\Draft)
        a UID STORE 1:5 +FLAGS.SILENT (\\Flagged)
        a UID STORE 99 +FLAGS (\\Seen)
        a UID STORE 3 +FLAGS (\\Recent)
        a UID STORE 3 +FLAGS (MyOwn)
        a STORE 4 +FLAGS (\\Deleted)
        a UID FETCH 1:5 (FLAGS)
        a CHECK
    """,
    "two sessions": """
        a SELECT INBOX
        b SELECT INBOX
        b UID STORE 2 +FLAGS (\\Flagged)
        a NOOP
        a NOOP
        b UID STORE 1 +FLAGS.SILENT (\\Deleted)
        a NOOP
        b UID EXPUNGE 1
        a FETCH 2:3 (UID)
        a UID FETCH 2 (UID)
        a NOOP
        b APPEND INBOX «From: z||new|»
        a NOOP
        b NOOP
        a UID FETCH 6 (FLAGS)
        b UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
        a NOOP
        b EXPUNGE
        a UID FETCH 5:6 (FLAGS)
        a NOOP
    """,
    "stored too late": """
        a SELECT INBOX
        b SELECT INBOX
        b UID STORE 3:4 +FLAGS.SILENT (\\Deleted)
        b EXPUNGE
        a UID STORE 2:3 +FLAGS (\\Answered)
        b NOOP
        b UID STORE 2 +FLAGS.SILENT (\\Deleted)
        b EXPUNGE
        a UID STORE 2 +FLAGS (\\Flagged)
        a NOOP
        a UID STORE 3:4 +FLAGS (\\Seen)
    """,
    "copy and move": """
        a CREATE @Work
        a SELECT INBOX
        a UID COPY 1,3 @Work
        a UID COPY 99 @Work
        a UID COPY 1 @Nowhere
        a UID MOVE 2,4 @Work  # MOVE
        a UID MOVE 99 @Work  # MOVE
        a UID MOVE 1 @Nowhere  # MOVE
        a STATUS @Work (MESSAGES UIDNEXT)
        a SELECT @Work
        a UID FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE)
        a UID STORE 1:2 +FLAGS.SILENT (\\Deleted)
        a UID EXPUNGE 2:3
        a CLOSE
        a STATUS @Work (MESSAGES UIDNEXT)
    """,
    "condstore": """
        a SELECT INBOX (CONDSTORE)  # CONDSTORE
        b SELECT INBOX
        b UID STORE 2 +FLAGS (\\Answered)
        a NOOP
        a UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE {modseq})  # CONDSTORE
        a UID STORE 2:3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Deleted)  # CONDSTORE
        a UID STORE 3 +FLAGS (\\Seen)
        a UID STORE 3 +FLAGS.SILENT (\\Answered)
        a UID FETCH 3 (MODSEQ)  # CONDSTORE
        a STATUS INBOX (HIGHESTMODSEQ MESSAGES)  # CONDSTORE
        b UID STORE 4 +FLAGS (\\Answered)
        a NOOP
        a UID FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq} VANISHED)  # CONDSTORE QRESYNC
    """,
    "qresync": """
        a ENABLE QRESYNC  # QRESYNC
        a SELECT INBOX
        b SELECT INBOX
        b UID STORE 2,4 +FLAGS.SILENT (\\Deleted)
        b UID EXPUNGE 2,4
        b UID STORE 1 +FLAGS.SILENT (\\Flagged)
        a NOOP
        a UNSELECT  # UNSELECT
        b UID STORE 5 +FLAGS.SILENT (\\Deleted)
        b UID EXPUNGE 5
        b APPEND INBOX «From: z||new|»
        a SELECT INBOX (QRESYNC ({validity} {modseq}))  # QRESYNC
        a SELECT INBOX (QRESYNC (1 {modseq}))  # QRESYNC
        a SELECT INBOX (QRESYNC ({validity} {modseq} 1:3))  # QRESYNC
        a UID STORE 3 +FLAGS.SILENT (\\Deleted)
        a UID EXPUNGE 3
        a CREATE @Work
        a UID MOVE 1 @Work  # MOVE
        a UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE 1 VANISHED)  # CONDSTORE QRESYNC
    """,
    "login": """
        n CAPABILITY
        n SELECT INBOX
        n LOGIN joe wrong
        n LOGIN joe secret
        n LOGIN joe secret
        n UID FETCH 1 (FLAGS)
        n NOOP
        n LOGOUT
    """,
    "lists": """
        a CREATE @One
        a CREATE @Two/Three
        a CREATE @Two/Three/Four
        a SUBSCRIBE @One
        a LIST "" "*"
        a LIST "" "%"
        a LIST "" "@%"
        a LIST "" "@Two/%"
        a LIST "" "@Two*"
        a LIST "" "@T%e"
        a LIST "" "@One"
        a LIST "" "@one"
        a LIST "" inbox
        a LIST "" "@Nowhere"
        a LIST "@Two/" "*"
        a LSUB "" "*"
        a LIST (SUBSCRIBED) "" "*"  # LIST-EXTENDED
        a LIST "" "*" RETURN (CHILDREN)  # LIST-EXTENDED
        a LIST "" "*" RETURN (SUBSCRIBED)  # LIST-EXTENDED
        a LIST "" ("@One" "@Two/%")  # LIST-EXTENDED
        a LIST "" "*" RETURN (SPECIAL-USE)  # LIST-EXTENDED SPECIAL-USE
        a LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN HIGHESTMODSEQ))  # LIST-STATUS CONDSTORE
    """,
    "renames": """
        a CREATE @One
        a CREATE @One/Below
        a APPEND @One/Below «From: z||one|»
        a RENAME @One @Other
        a LIST "" "@O*"
        a STATUS @Other/Below (MESSAGES)
        a SELECT INBOX
        a RENAME INBOX @Old
        a LIST "" "*"
        a STATUS @Old (MESSAGES)
        a EXAMINE INBOX
        a CREATE @One
        a RENAME @One @Old
        a RENAME @One INBOX
        a DELETE @Old
        a DELETE @Other
        a LIST "" "@O*"
        a DELETE @Other/Below
        a LIST "" "@O*"
        a CREATE INBOX
    """,
    "errors": """
        a FETCH 1 (FLAGS)
        a EXPUNGE
        a CLOSE
        a UID SEARCH ALL
        a SELECT INBOX
        a UID FETCH 0 (FLAGS)
        a UID FETCH 1 (NOSUCHITEM)
        a UID FETCH 1
        a FETCH 99 (FLAGS)
        a UID STORE 1 +FLAGS \\Seen
        a UID STORE 1 +FLAGS (\\NoSuch)
        a UID COPY 1 @Nowhere
        a COPY 1 @Nowhere
        a STATUS INBOX ()
        a STATUS INBOX (NOSUCHITEM)
        a NOSUCHCOMMAND
        a SELECT @Nowhere
        a UID FETCH 1 (FLAGS)
        a EXAMINE INBOX
        a UID STORE 1 +FLAGS (\\Seen)
        a UID STORE 1 +FLAGS.SILENT (\\Deleted)
        a EXPUNGE
        a UID FETCH 1 (FLAGS)
    """,
    "expunging": """
        a SELECT INBOX
        b SELECT INBOX
        a UID STORE 1,3,5 +FLAGS.SILENT (\\Deleted)
        a UID EXPUNGE 2:3  # UIDPLUS
        a UID EXPUNGE 2:3  # UIDPLUS
        a UID FETCH 1:* (FLAGS)
        b NOOP
        a EXPUNGE
        a EXPUNGE
        b UID FETCH 1:* (FLAGS)
        b NOOP
        a STATUS INBOX (MESSAGES UIDNEXT)
        a UID STORE 2 +FLAGS (\\Deleted)
        a CLOSE
        b NOOP
        b UID SEARCH ALL
    """,
    "fetching": """
        a SELECT INBOX
        a UID FETCH 1:5 (UID)
        a UID FETCH 5:1 (UID)
        a UID FETCH 2,4,2 (UID)
        a UID FETCH * (UID)
        a UID FETCH 4:* (UID)
        a UID FETCH 1 FLAGS
        a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (From Subject)])
        a UID FETCH 1 (BODY.PEEK[HEADER.FIELDS.NOT (From)])
        a UID FETCH 1 (BODY.PEEK[TEXT])
        a UID FETCH 1 (BODY.PEEK[]<0.4>)
        a UID FETCH 1 (BODY.PEEK[]<9999.4>)
        a UID FETCH 1 (BODY.PEEK[] FLAGS INTERNALDATE RFC822.SIZE)
        a UID FETCH 1 (BODY[])
        a UID FETCH 1:2 (FLAGS)
        a UID SEARCH UNSEEN
    """,
    "two sessions, flags": """
        a SELECT INBOX
        b SELECT INBOX
        a UID STORE 1 +FLAGS.SILENT (\\Seen)
        b UID STORE 1 +FLAGS.SILENT (\\Answered)
        a UID FETCH 1 (FLAGS)
        b UID FETCH 1 (FLAGS)
        a UID STORE 1 -FLAGS (\\Answered)
        b UID STORE 1 +FLAGS.SILENT (\\Flagged)
        b UID STORE 1 +FLAGS.SILENT (\\Flagged)
        a NOOP
        b NOOP
        a UID STORE 2 +FLAGS (Own)
        b UID STORE 2 +FLAGS (oWN)
        b UID FETCH 2 (FLAGS)
    """,
    "two sessions, mailboxes": """
        a CREATE @Work
        b SELECT @Work
        a APPEND @Work «From: z||one|»
        b NOOP
        a SELECT INBOX
        a UID COPY 1:2 @Work
        b NOOP
        b UID STORE 1:3 +FLAGS.SILENT (\\Deleted)
        b EXPUNGE
        a STATUS @Work (MESSAGES UIDNEXT)
        a APPEND INBOX «From: z||two|»
        b STATUS INBOX (MESSAGES UIDNEXT UNSEEN)
    """,
    "mailboxes": """
        a CREATE @One
        a CREATE @One
        a CREATE @Two/Three
        a LIST "" "*"
        a LIST "" "%"
        a LIST "" "@Two/%"
        a LIST "" ""
        a LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY))  # LIST-STATUS
        a LIST "" INBOX RETURN (STATUS (MESSAGES))  # LIST-STATUS
        a RENAME @One @Four
        a RENAME @Nowhere @Else
        a RENAME @Four @Two
        a RENAME @Two @Five
        a LIST "" "*"
        a DELETE @Five/Three
        a DELETE @Nowhere
        a DELETE INBOX
        a STATUS @Nowhere (MESSAGES)
        a STATUS INBOX (MESSAGES UIDNEXT UNSEEN)
        a SUBSCRIBE @Four
        a LSUB "" "*"
        a UNSUBSCRIBE @Four
        a LSUB "" "*"
        a APPEND @Nowhere «From: z||new|»
    """,
    "append": """
        a APPEND INBOX «From: z||one|»
        a APPEND INBOX (\\Seen \\Answered \\Flagged \\Deleted \\Draft) «From: z||two|»
        a APPEND INBOX (\\Seen) " 5-Feb-2020 01:02:03 +0100" «From: z||three|»
        a APPEND INBOX "31-Dec-2019 23:59:59 -1130" «From: z||four|»
        a APPEND INBOX (MyOwn $Forwarded) «From: z||five|»
        a APPEND INBOX ‹From: z||six|›  # LITERAL+
        a APPEND INBOX (\\Seen) "05-Feb-2020 01:02:03 +0100" ‹From: z||seven|›  # LITERAL+
        a APPEND INBOX () «From: z||eight|»
        a APPEND inbox «From: z||nine|»
        a APPEND INBOX «no header at all»
        a APPEND INBOX (\\Seen) "99-Foo-2020 01:02:03 +0100" «From: z||bad date|»
        a APPEND @Nowhere «From: z||new|»
        a APPEND @Nowhere ‹From: z||new|›  # LITERAL+
        a STATUS INBOX (MESSAGES UIDNEXT UNSEEN)
        a SELECT INBOX
        a UID FETCH 6:* (FLAGS RFC822.SIZE)
        a UID FETCH 8:9 (INTERNALDATE)
        a UID FETCH 6:* (BODY.PEEK[])
        a UID SEARCH HEADER From z
    """,
    "multiappend": """
        a APPEND INBOX (\\Seen) «From: z||one|» (\\Flagged) «From: z||two|»  # MULTIAPPEND
        a SELECT INBOX
        a APPEND INBOX «From: z||three|»
        a UID FETCH 6:* (FLAGS RFC822.SIZE)
    """,
}
