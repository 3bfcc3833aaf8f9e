"""Jobs over REST: request, follow, approve, cancel, retry, override."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.api.base import idempotency_key
from nodes.web.rest import Rows, checked, checked_query
from nodes.web.serializers import EmptyIn
from replication.jobs.api.filters import JobFilter
from replication.jobs.api.inputs import (
    ApproveIn,
    EventsQuery,
    JobIn,
    OverrideIn,
    PlanQuery,
    job_request,
)
from replication.jobs.api.plans import PlanOut, plan_page
from replication.jobs.api.serializers import (
    EventsOut,
    JobDetailOut,
    JobOut,
    KindOut,
)
from replication.jobs.kinds import kind_named, kinds
from replication.jobs.models import Job
from replication.jobs.selectors.jobs import events_after, job_for, jobs_for
from replication.jobs.selectors.plans import stored_plan
from replication.jobs.services import requests

_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="any text of your own; sending the same request again with it answers the same job",
)


@extend_schema_view(
    list=extend_schema(summary="List jobs", responses=JobOut(many=True)),
    retrieve=extend_schema(summary="Show a job with its targets", responses=JobDetailOut),
)
class JobViewSet(Rows[Job]):
    """Something to be made so on a cluster's nodes, and how far it is."""

    queryset = Job.objects.none()
    filterset_class = JobFilter

    def get_queryset(self) -> QuerySet[Job]:
        """What the caller may see."""
        return self.visible(jobs_for if self.action == "list" else job_for)

    def get_serializer_class(self) -> type[BaseSerializer[Job]]:
        """Lists leave the targets out."""
        return JobOut if self.action == "list" else JobDetailOut

    def answer(self, job: Job, code: int = status.HTTP_200_OK) -> Response:
        """The job as it is now, and where to follow it."""
        shown = JobDetailOut(job_for(self.principal).get(pk=job.pk)).data
        return Response(shown, status=code, headers={"Location": reverse("api-job-detail", args=[job.pk])})

    @extend_schema(
        summary="Request a job", parameters=[_KEY], request=JobIn, responses={202: JobDetailOut, 200: JobDetailOut}
    )
    def create(self, request: Request) -> Response:
        """202 for a new job; 200 when the Idempotency-Key names one made before by the same request."""
        wanted = job_request(checked(JobIn, request), idempotency_key(request))
        job, created = requests.request_job(self.principal, wanted)
        return self.answer(job, status.HTTP_202_ACCEPTED if created else status.HTTP_200_OK)

    @extend_schema(summary="List the kinds of job", responses=KindOut(many=True), filters=False)
    @action(detail=False, pagination_class=None, filterset_class=None)
    def kinds(self, request: Request) -> Response:
        """What `kind` may be."""
        rows = [{"kind": word, "label": label} for word, label in kinds().items()]
        return Response(KindOut(rows, many=True).data)

    @extend_schema(summary="Read a job's log", parameters=[EventsQuery], responses=EventsOut, filters=False)
    @action(detail=True, filterset_class=None)
    def events(self, request: Request, pk: str) -> Response:
        """Ask again with `after` to get what came since."""
        query = checked_query(EventsQuery, request)
        job = self._visible_job(pk)
        rows = events_after(job.pk, after=query["after"], limit=query["limit"])
        last = rows[-1].pk if rows else query["after"]
        return Response(EventsOut({"results": rows, "after": last, "more": len(rows) == query["limit"]}).data)

    @extend_schema(summary="Show a job's plan", parameters=[PlanQuery], responses=PlanOut, filters=False)
    @action(detail=True, filterset_class=None)
    def plan(self, request: Request, pk: str) -> Response:
        """What it would do, per node and file; 404 while there is none."""
        query = checked_query(PlanQuery, request)
        job = self._visible_job(pk)
        plan = stored_plan(job)
        if plan is None:
            raise Http404("The job has no plan yet.")
        return Response(plan_page(plan, kind_named(job.kind).text, job.plan_digest, query))

    def _visible_job(self, pk: str) -> Job:
        job = jobs_for(self.principal).prefetch_related(None).filter(pk=pk).first()
        if job is None:
            raise Http404("No such job.")
        return job

    @extend_schema(summary="Cancel a job", request=EmptyIn, responses={202: JobDetailOut})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """At once what no worker has; the rest at its worker's next step."""
        checked(EmptyIn, request)
        return self.answer(requests.cancel_job(self.principal, int(pk)), status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Retry what failed", request=EmptyIn, responses={202: JobDetailOut})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """A new job for the nodes that did not succeed."""
        checked(EmptyIn, request)
        return self.answer(requests.retry_job(self.principal, int(pk)), status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Approve a plan", request=ApproveIn, responses={202: JobDetailOut})
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:
        """409 when the digest is not that of the job's present plan."""
        digest = checked(ApproveIn, request)["digest"]
        return self.answer(requests.approve_job(self.principal, int(pk), digest), status.HTTP_202_ACCEPTED)

    @extend_schema(summary="Override brakes", request=OverrideIn, responses={202: JobDetailOut})
    @action(detail=True, methods=["post"])
    def override(self, request: Request, pk: str) -> Response:
        """For a halted job, for an hour, on the record; administrators only."""
        values = checked(OverrideIn, request)
        job = requests.override_brakes(self.principal, int(pk), values["codes"], values["reason"])
        return self.answer(job, status.HTTP_202_ACCEPTED)
