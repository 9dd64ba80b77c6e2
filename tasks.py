"""The command line. Each task parses, calls one function of `ops`, and says how it ended."""

from invoke import task

ENV = "environment: a file of environments/ (default: local)"
JSON = "print the result as JSON, for scripts"
AGENT = "agent, a folder of agents/; may be given several times (default: all)"


@task(
    iterable=["agent"],
    help={
        "env": ENV,
        "agent": AGENT,
        "provider": "Terraform provider: registry or offline (default: the environment's)",
        "break-lock": "take the lock even though somebody holds it",
        "yes": "do not ask",
        "json": JSON,
    },
)
def deploy(c, env="local", agent=None, provider="", break_lock=False, yes=False, json=False):
    """Build, push and apply agents, and prove that they answer.

    Example: ./inv deploy --env local
    """
    from ops.cli import command
    from ops.deploy import deploy

    with command(json) as running:
        done = deploy(
            env, list(agent or ()), running.console, provider=provider, break_lock=break_lock, yes=yes
        )
        for one in done:
            running.console.line(f"  {one.agent} {one.version}: {one.address}")
            running.console.line(f"  asked: {one.prompt}\n  answered: {one.answer}")
        running.verdict = f"deployed {', '.join(f'{one.agent} {one.version}' for one in done)} to {env}"
        running.result([one.as_dict() for one in done])


@task(
    help={
        "agent": "which agent (default: test-agent)",
        "port": "where it is served (default: 8000)",
        "model-server": "address of an OpenAI-compatible server whose model answers, such as http://127.0.0.1:11434",
        "model": "which of its models (default: its first)",
        "bedrock": "let Bedrock answer, with your own credentials",
        "env": "whose settings it runs with (default: local; with --bedrock: test)",
    }
)
def dev(c, agent="test-agent", port=8000, model_server="", model="", bedrock=False, env=""):
    """Work on an agent: it alone on this machine with its page, picked up anew when a file is saved.

    Example: ./inv dev --agent test-agent
    """
    from ops.cli import command
    from ops.dev import Options, develop

    with command() as running:
        develop(agent, Options(port, model_server, model, bedrock, env), running.console)
        running.verdict = f"ended {agent} as asked"


@task(
    positional=["prompt"],
    help={
        "prompt": "what to ask",
        "env": ENV,
        "agent": "which agent (default: test-agent)",
        "session": "session to go on with",
        "json": JSON,
    },
)
def ask(c, prompt, env="local", agent="test-agent", session="", json=False):
    """Ask a deployed agent.

    Example: ./inv ask "What can you do?"
    """
    from ops.ask import ask
    from ops.cli import command
    from ops.cloud import require_cloud
    from ops.settings import load_environment

    with command(json) as running:
        cloud = require_cloud(load_environment(env))
        running.result(ask(cloud, agent, prompt, running.console, session=session, show=not json))


@task(help={"env": ENV, "json": JSON})
def status(c, env="local", json=False):
    """What runs, which version, healthy or not, where.

    Example: ./inv status
    """
    from ops.cli import command
    from ops.status import show, status

    with command(json) as running:
        report = status(env)
        running.result(report.as_dict())
        if not json:
            show(report, running.console)
        running.failed = not report.healthy


@task(help={"env": ENV, "json": JSON})
def doctor(c, env="local", json=False):
    """What this machine and the environment's account lack, each with what to do about it. Changes nothing.

    Example: ./inv doctor --env prod
    """
    from ops.cli import command
    from ops.doctor import examine, show

    with command(json) as running:
        report = examine(env, running.console)
        running.result(report.as_dict())
        if not json:
            show(report, running.console)
        running.verdict = report.verdict
        running.failed = report.count("failed") > 0


@task(
    help={
        "env": ENV,
        "agent": "which agent (default: test-agent)",
        "since": "how far back: 30s, 5m, 2h, 1d",
        "follow": "go on printing new lines until Ctrl-C",
        "metrics": "also lines that carry metrics",
        "json": "print each line as JSON",
    }
)
def logs(c, env="local", agent="test-agent", since="10m", follow=False, metrics=False, json=False):
    """An agent's log lines.

    Example: ./inv logs --agent test-agent --since 5m
    """
    from ops.cli import command
    from ops.cloud import require_cloud
    from ops.logs import print_lines
    from ops.settings import load_environment

    with command(json) as running:
        cloud = require_cloud(load_environment(env))
        print_lines(cloud, agent, running.console, since=since, follow=follow, metrics=metrics, as_json=json)


@task(
    help={
        "env": ENV,
        "provider": "Terraform provider: registry or offline (default: the environment's)",
        "break-lock": "take the lock even though somebody holds it",
        "yes": "do not ask",
    }
)
def destroy(c, env="local", provider="", break_lock=False, yes=False):
    """Destroy everything of an environment.

    Example: ./inv destroy --env local --yes
    """
    from ops.cli import command
    from ops.destroy import destroy

    with command() as running:
        there = destroy(env, running.console, provider=provider, yes=yes, break_lock=break_lock)
        running.verdict = f"destroyed {env}" if there else f"there is nothing to destroy in {env}: looked"


@task(name="local-stop", help={"env": ENV})
def local_stop(c, env="local"):
    """Stop the cloud on this machine; it keeps its state.

    Example: ./inv local-stop
    """
    from ops.cli import command
    from ops.cloud import stop_local_cloud
    from ops.settings import load_environment

    with command() as running:
        stopped = stop_local_cloud(load_environment(env))
        running.verdict = (
            f"stopped {env}; ./inv deploy --env {env} goes on with it" if stopped else "nothing ran: looked"
        )


@task(name="local-reset", help={"env": ENV})
def local_reset(c, env="local"):
    """Stop the cloud on this machine and forget everything in it.

    Example: ./inv local-reset
    """
    from ops.cli import command
    from ops.cloud import reset_local_cloud
    from ops.settings import load_environment

    with command() as running:
        reset_local_cloud(load_environment(env))
        running.verdict = f"forgot everything in {env}"


@task(
    help={
        "complete": "as CI does: nothing may be skipped",
        "only": "one folder of tests/, such as unit",
        "args": "more arguments for pytest",
    }
)
def test(c, complete=False, only="", args=""):
    """Lint and run the tests.

    Example: ./inv test --only unit
    """
    from ops import testing
    from ops.cli import command

    with command() as running:
        status = testing.run(running.console, complete=complete, only=only, arguments=args)
        running.failed = status != 0
        running.verdict = "tests passed" if status == 0 else f"tests failed (exit status {status})"


@task(help={"fix": "mend what can be mended"})
def lint(c, fix=False):
    """Check the style of the Python code.

    Example: ./inv lint --fix
    """
    from ops import testing
    from ops.cli import command

    with command() as running:
        running.failed = testing.lint(running.console, fix=fix) != 0
        running.verdict = "style has findings" if running.failed else "style is clean"


@task(
    positional=["name"],
    help={"name": "which: a file of tests/bench, or list", "args": "its arguments"},
)
def bench(c, name, args=""):
    """Measure: prints figures, side by side where it compares.

    Example: ./inv bench deploy
    """
    from ops import testing
    from ops.cli import command

    with command() as running:
        status = testing.bench(running.console, name, args)
        running.failed = status != 0
        running.verdict = f"measured {name}" if name != "list" and status == 0 else ""
