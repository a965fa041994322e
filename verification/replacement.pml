/*
 * Replacement of a voter while a shard elects.
 *
 * Three primaries vote for shard S, whose replicas A and B are the candidates.
 * V1 is replaced by a replica of its own, W, which then votes in its stead.
 * V1 may be dead, or alive and unaware of it.  With one seat exchanged, an old
 * and a new majority need have no voter in common: {V1, V2} and {W, V3}.
 *
 * A candidate counts one vote per seat, and takes it from V1 or from W: what it
 * believes about the seat does not matter.  How a ledger is made durable is in
 * election.pml; here a grant, its save and its ack are one step.
 */

#define VOTERS     4
#define CANDIDATES 2
#ifndef EPOCHS
#define EPOCHS     3
#endif
#ifndef CRASHES
#define CRASHES    1                    /* crashes with restart, of W */
#endif

mtype = { W, V3, V2, V1 };              /* V1 = 1, V2 = 2, V3 = 3, W = 4 */
#define A        1                      /* candidates */
#define B        2
#define OTHER(c) (3 - (c))
#define NAME(c)  (64 + (c))             /* for %c */
#define BIT(n)   (1 << (n))

/* The network, as in election.pml. */
byte asked[CANDIDATES + 1];             /* epochs for which requests have left (bits)       */
byte acked[CANDIDATES + 1];             /* voters whose ack for this round has left (bits)  */

/* Candidates. */
byte epoch[CANDIDATES + 1];             /* latest epoch                                     */
bool open[CANDIDATES + 1];              /* the round at that epoch has not ended            */
byte votes[CANDIDATES + 1];             /* seats counted in this round (bits)               */
byte won[CANDIDATES + 1];               /* epoch at which it won, 0 = has not               */

/* Voters. */
byte ledger_epoch[VOTERS + 1];
byte ledger_candidate[VOTERS + 1];
bool waits[VOTERS + 1];                 /* the granted round may still run                  */

/* The replaced voter and the new one. */
bool v1_votes = true;                   /* V1 is alive and heard a majority recently        */
#define REPLICA  0                      /* stages of W: not yet a voter,                    */
#define PROMOTED 1                      /*   makes itself known and outwaits V1,            */
#define WAITS    2                      /*   lets the longest round pass, then hears others */
#define VOTES    3
byte stage;
byte known;                             /* who has learnt that W replaced V1 (bits)         */
byte sits_out;                          /* candidates whose round W lets pass (bits)        */
byte heard;                             /* who told W its epoch after that (bits)           */
byte floor;
byte crashes;

/* A majority of three without W itself: W and others that wait remember nothing. */
#define MAJORITY_OF_OTHERS (BIT(V2) | BIT(V3))

/* PROGRESS, as in election.pml: V1 and V2 grant nothing any more, so the last
 * candidate needs W, and waits for it. */
byte calm;
#ifdef PROGRESS
#define CAN_OPEN(c, e) \
  ((calm == 0 && e < EPOCHS) || (calm == c && e == EPOCHS && stage == VOTES && !sits_out))
#define CAN_END(c)     (calm == 0 || epoch[c] < EPOCHS)
#define CAN_CRASH      (calm == 0)
#define HELPS(v)       (calm == 0 || v > V2)
#else
#define CAN_OPEN(c, e) true
#define CAN_END(c)     true
#define CAN_CRASH      true
#define HELPS(v)       true
#endif

/* ---------------------------------------------------------------- candidate */

#define HAS_MAJORITY(c) (votes[c] == (BIT(V1) | BIT(V2)) || votes[c] >= (BIT(V1) | BIT(V3)))

#ifdef REACH_DISJOINT
byte counted[CANDIDATES + 1];           /* voters behind the counted seats (bits)           */
#define NOTE_COUNTED(c, v) counted[c] = (votes[c] -> counted[c] : 0) | BIT(v)
#else
#define NOTE_COUNTED(c, v) skip
#endif

inline win(c, v) {
  won[c] = epoch[c];
  printf("%c WINS at epoch %d\n", NAME(c), epoch[c]);
#if defined(REACH_NEW_VOTER)
  assert(v != W);
#elif defined(REACH_DISJOINT)
  assert(!won[OTHER(c)] || (counted[c] & counted[OTHER(c)]));
#else
  assert(won[OTHER(c)] != epoch[c]);                  /* S1 one winner per shard and epoch       */
  assert(won[OTHER(c)] < epoch[c]);                   /* S2 wins come in the order of the epochs */
  assert(!won[OTHER(c)] || !open[OTHER(c)]);          /* S3: not while the first counts */
#endif
}

#define OPENS(e) \
  :: d_step { e <= EPOCHS && !open[me] && !won[me] && e > epoch[me] && CAN_OPEN(me, e) && \
              (me == A || epoch[A] || calm) -> \
       printf("%c opens a round at epoch %d and asks all voters\n", NAME(me), e); \
       epoch[me] = e; open[me] = true; asked[me] = asked[me] | BIT(e) }

#define COUNTS(v, seat) \
  :: d_step { open[me] && !won[me] && (acked[me] & BIT(v)) && !(votes[me] & BIT(seat)) -> \
       printf("%c counts the vote of %e\n", NAME(me), v); \
       NOTE_COUNTED(me, v); \
       votes[me] = votes[me] | BIT(seat); \
       if :: HAS_MAJORITY(me) -> win(me, v) :: else fi }

/* The timing assumption, as in election.pml. */
inline time_passes_at(v, c) {
  waits[v] = waits[v] && ledger_candidate[v] != c
}

inline end_round(c) {
  printf("%c's round at epoch %d ends\n", NAME(c), epoch[c]);
  open[c] = false; votes[c] = 0; acked[c] = 0;
  time_passes_at(V1, c); time_passes_at(V2, c); time_passes_at(V3, c); time_passes_at(W, c);
  sits_out = sits_out & ~BIT(c)
}

proctype Candidate(byte me) {
end:
  do
  OPENS(1) OPENS(2) OPENS(3)
  COUNTS(V1, V1) COUNTS(W, V1) COUNTS(V2, V2) COUNTS(V3, V3)
  :: d_step { open[me] && CAN_END(me) -> end_round(me) }
  od
}

/* -------------------------------------------------------------------- voter */

#define IS_VOTER(v, e) \
  (v == W -> stage == VOTES && !sits_out && e > floor : \
  (v == V1 -> v1_votes : true))

#define GRANTS(c, e) \
  :: d_step { (asked[c] & BIT(e)) && e > ledger_epoch[me] && IS_VOTER(me, e) && HELPS(me) && \
              !(waits[me] && ledger_candidate[me] != c) -> \
       printf("%e grants %c epoch %d\n", me, NAME(c), e); \
       ledger_epoch[me] = e; ledger_candidate[me] = c; \
       waits[me] = open[c] && epoch[c] == e; \
       acked[c] = acked[c] | (waits[me] -> BIT(me) : 0) }

proctype Voter(mtype me) {
end:
  do
  GRANTS(A, 1) GRANTS(A, 2) GRANTS(A, 3)
  GRANTS(B, 1) GRANTS(B, 2) GRANTS(B, 3)
  od
}

/* ------------------------------------------------------- replaced and new voter */

#define RUNNING_ROUNDS (open[A] << A | open[B] << B)

#if defined(FAIL_STOP) || defined(V1_KEEPS_VOTING)
#define MAY_START_WAIT true             /* from the promotion                               */
#elif defined(WAIT_FROM_PROMOTION)
#define MAY_START_WAIT (!v1_votes)      /* V1 had its time, but may be confirmed once more   */
#else
#define MAY_START_WAIT (!v1_votes && known == MAJORITY_OF_OTHERS)
#endif

#ifdef FAIL_STOP
#define V1_IS_DEAD     v1_votes = false
#else
#define V1_IS_DEAD     skip
#endif

#if defined(V1_KEEPS_VOTING)
#define V1_MAY_STOP    false
#define V1_MAY_RESUME  false
#elif defined(FAIL_STOP)
#define V1_MAY_STOP    true
#define V1_MAY_RESUME  false
#else
/* V1 stops when it dies or was not confirmed by a majority for the time T; it
 * resumes when one voter besides itself confirms it, which nobody does that
 * knows of W.  W may rely on V1's silence T after a majority knows. */
#define V1_MAY_STOP    true
#define V1_MAY_RESUME  (known != MAJORITY_OF_OTHERS && !calm)
#endif

#ifdef HEARS_BEFORE_WAIT                /* an answer from before the round's end counts     */
#define MAY_HEAR (stage == WAITS)
#else
#define MAY_HEAR (stage == WAITS && !sits_out)
#endif

#ifdef HEARS_UNSETTLED                  /* W, or another that waits, is part of the majority */
#define HEARD_ENOUGH heard
#else
#define HEARD_ENOUGH (heard == MAJORITY_OF_OTHERS)
#endif

#ifdef NO_WAIT
#define FIRST_STAGE VOTES
#else
#define FIRST_STAGE PROMOTED
#endif

#define LEARNS(v) \
  :: d_step { stage >= PROMOTED && !(known & BIT(v)) -> \
       printf("%e learns that W replaced V1\n", v); known = known | BIT(v) }

/* A voter's current epoch is never below its ledger; no more is assumed. */
#define TELLS(v) \
  :: d_step { MAY_HEAR && !(heard & BIT(v)) -> \
       printf("%e tells W its epoch %d\n", v, ledger_epoch[v]); heard = heard | BIT(v); \
       floor = (floor < ledger_epoch[v] -> ledger_epoch[v] : floor) }

#ifdef FLOOR_NOT_DURABLE
#define RESTORE_FLOOR floor = 0
#else
#define RESTORE_FLOOR skip
#endif

inline restart() {
  crashes++;
  if
  :: stage == VOTES -> RESTORE_FLOOR
#ifdef RESTART_SKIPS_WAIT               /* a ledger, even if empty, is taken for a voter's   */
  :: stage < VOTES -> stage = VOTES; heard = 0; floor = 0
#else
  :: stage < VOTES -> stage = PROMOTED; heard = 0; floor = 0
#endif
  fi;
  waits[W] = false;
  sits_out = (stage == VOTES -> RUNNING_ROUNDS : 0);
  printf("W crashes and restarts\n")
}

proctype Replacement() {
end:
  do
  :: d_step { stage == REPLICA ->
       printf("W is promoted and replaces V1\n"); stage = FIRST_STAGE; V1_IS_DEAD }
  :: d_step { V1_MAY_STOP && v1_votes -> printf("V1 stops voting\n"); v1_votes = false }
  :: d_step { V1_MAY_RESUME && !v1_votes -> printf("V1 votes again\n"); v1_votes = true }
#ifndef FAIL_STOP                       /* nothing depends on it there */
  LEARNS(V2) LEARNS(V3)
#endif
  TELLS(V2) TELLS(V3)
  :: d_step { stage == PROMOTED && MAY_START_WAIT ->
       printf("W begins to let the longest round pass\n");
       stage = WAITS; sits_out = RUNNING_ROUNDS }
  :: d_step { stage == WAITS && !sits_out && HEARD_ENOUGH ->
       printf("W votes from now on, above epoch %d\n", floor); stage = VOTES }
  :: d_step { CAN_CRASH && crashes < CRASHES && stage >= PROMOTED -> restart() }
  od
}

#ifdef PROGRESS
proctype Calm() {
  if
  :: d_step { calm = A; printf("calm: A will be the last candidate\n") }
  :: d_step { calm = B; printf("calm: B will be the last candidate\n") }
  fi;
  timeout -> assert(won[A] || won[B])   /* P1: nothing left to happen, so the shard has a winner */
}
#endif

init {
  atomic {
    run Voter(V1); run Voter(V2); run Voter(V3); run Voter(W);
    run Candidate(A); run Candidate(B);
    run Replacement()
#ifdef PROGRESS
    ; run Calm()
#endif
  }
}
