"""A client in another language, generated from the .proto files, against `sortie serve`.

`cargo xtask test` runs it. By hand, after `cargo build`, with the packages of requirements.txt:
`python tests/python/client_test.py -v`; SORTIE_PROGRAM names another program.
"""

import tempfile
import unittest

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

import contract
import server

# Far above what any call here needs: only a hang is as slow.
TIMEOUT_S = 60
ARITHMETIC = "What is 15% of 240, plus 12.5?"
COMPARISON = (
    "Compare the cost of living in San Francisco vs Austin for a software engineer earning "
    "$150,000 per year. Calculate how much disposable income they would have in each city "
    "assuming housing costs take 30% of salary."
)


def setUpModule():
    global pb, events, channel, coordinator
    generated = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(generated.cleanup)
    pb, events, rpc = contract.generate(generated)
    serve = server.Server()
    unittest.addModuleCleanup(end, serve)
    channel = grpc.insecure_channel(serve.wait())
    unittest.addModuleCleanup(channel.close)
    coordinator = rpc.CoordinatorStub(channel)


def end(serve):
    code = serve.stop()
    assert code == 0, f"serve ended with {code}:\n" + "".join(serve.log)


def submit(goal, **more):
    return coordinator.SubmitGoal(pb.SubmitGoalRequest(goal=goal, **more), timeout=TIMEOUT_S)


def watch(run_id, cursor=""):
    return coordinator.WatchRun(
        pb.WatchRunRequest(run_id=run_id, cursor=cursor), timeout=TIMEOUT_S
    )


def history(run_id):
    """Every event of a run, watched from the first to the last."""
    return [item.event for item in watch(run_id) if item.WhichOneof("item") == "event"]


def get(run_id):
    return coordinator.GetRun(pb.GetRunRequest(run_id=run_id), timeout=TIMEOUT_S).run


def cancel(run_id, **more):
    return coordinator.CancelRun(
        pb.CancelRunRequest(run_id=run_id, **more), timeout=TIMEOUT_S
    )


def kinds(history):
    return [event.WhichOneof("kind") for event in history]


class Goals(unittest.TestCase):
    def test_a_goal_is_watched_to_its_answer(self):
        run_id = submit(COMPARISON).run_id
        told = history(run_id)
        self.assertEqual([event.seq for event in told], list(range(1, len(told) + 1)))
        self.assertEqual({event.run_id for event in told}, {run_id})
        self.assertEqual((kinds(told)[0], kinds(told)[-1]), ("run_submitted", "run_succeeded"))
        self.assertEqual(told[0].run_submitted.goal, COMPARISON)
        answer = told[-1].run_succeeded.answer
        for part in ("San Francisco", "Austin", "45,000", "105,000"):
            self.assertIn(part, answer)
        run = get(run_id)
        self.assertEqual((run.state, run.answer), (events.RUN_STATE_SUCCEEDED, answer))
        self.assertEqual(run.seq, len(told))
        self.assertTrue(run.steps)

    def test_the_same_key_is_the_same_run(self):
        first = submit(ARITHMETIC, idempotency_key="python")
        again = submit(ARITHMETIC, idempotency_key="python")
        self.assertEqual(first.run_id, again.run_id)
        self.assertEqual((first.already_submitted, again.already_submitted), (False, True))
        self.assertIn("48.5", history(first.run_id)[-1].run_succeeded.answer)

    def test_an_empty_goal_is_refused_and_the_field_is_named(self):
        with self.assertRaises(grpc.RpcError) as refused:
            submit("")
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        bad_request = error_details_pb2.BadRequest()
        details = rpc_status.from_call(refused.exception).details
        self.assertTrue(any(detail.Unpack(bad_request) for detail in details), details)
        self.assertEqual([fault.field for fault in bad_request.field_violations], ["goal"])


class Watches(unittest.TestCase):
    def test_a_cut_watch_goes_on_from_its_cursor_without_a_gap_or_a_repeat(self):
        # At every place: right after the submission, in the middle, before the last event.
        run_id = submit(COMPARISON).run_id
        whole = None
        for keep in (1, 4, 9):
            before, cursor = self.cut(run_id, keep)
            after = [
                item.event
                for item in watch(run_id, cursor)
                if item.WhichOneof("item") == "event"
            ]
            whole = whole or history(run_id)
            self.assertEqual(len(before), keep)
            self.assertEqual(before + after, whole)
        before, cursor = self.cut(run_id, len(whole) - 1)
        self.assertEqual(before + [item.event for item in watch(run_id, cursor)], whole)

    def cut(self, run_id, keep):
        """Watches `keep` events and hangs up; returns them and where to go on."""
        seen, cursor = [], ""
        call = watch(run_id)
        for item in call:
            cursor = item.cursor or cursor
            self.assertNotEqual(item.WhichOneof("item"), "reset")
            if item.WhichOneof("item") == "event":
                seen.append(item.event)
            if len(seen) == keep:
                break
        call.cancel()
        return seen, cursor


class Cancels(unittest.TestCase):
    def test_a_young_run_is_cancelled_or_has_ended_before(self):
        # Offline goals end within milliseconds, so either may be first; both are told in types.
        run_id = submit(COMPARISON).run_id
        try:
            state = cancel(run_id, reason="not needed any more", command_id="stop").state
        except grpc.RpcError as refused:
            self.assertEqual(refused.code(), grpc.StatusCode.FAILED_PRECONDITION)
            self.assertIn("run_succeeded", kinds(history(run_id)))
            return
        self.assertIn(state, (events.RUN_STATE_STOPPING, events.RUN_STATE_CANCELLED))
        told = history(run_id)
        self.assertEqual(kinds(told)[-1], "run_cancelled")
        done = [event.command_done for event in told if event.HasField("command_done")]
        self.assertEqual([command.command_id for command in done], ["stop"])
        self.assertEqual(get(run_id).state, events.RUN_STATE_CANCELLED)

    def test_an_ended_run_refuses_to_be_cancelled_each_time(self):
        run_id = submit(ARITHMETIC).run_id
        last = len(history(run_id))
        for _ in range(2):
            with self.assertRaises(grpc.RpcError) as refused:
                cancel(run_id, command_id="late")
            self.assertEqual(refused.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        run = get(run_id)
        # The refusal is in the history, once: the second was the same command.
        self.assertEqual((run.state, run.seq), (events.RUN_STATE_SUCCEEDED, last + 1))


class StandardServices(unittest.TestCase):
    def test_health_says_serving(self):
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "liveness", "sortie.v1.Coordinator"):
            request = health_pb2.HealthCheckRequest(service=service)
            status = stub.Check(request, timeout=TIMEOUT_S).status
            self.assertEqual(status, health_pb2.HealthCheckResponse.SERVING, service)

    def test_reflection_lists_the_services(self):
        listed = ProtoReflectionDescriptorDatabase(channel).get_services()
        self.assertIn("sortie.v1.Coordinator", listed)
        self.assertIn("grpc.health.v1.Health", listed)

    def test_the_tools_are_listed_with_their_schemas(self):
        tools = coordinator.ListTools(pb.ListToolsRequest(), timeout=TIMEOUT_S).tools
        self.assertLessEqual({"search", "calculate"}, {tool.name for tool in tools})
        self.assertTrue(all(tool.input_schema for tool in tools))


if __name__ == "__main__":
    unittest.main()
