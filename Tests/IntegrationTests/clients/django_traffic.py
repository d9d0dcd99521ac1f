"""What does a Django application ask whose requests are transactions (ATOMIC_REQUESTS), and is it answered right?

A shop: most requests list and show, some order. Every request looks up its visitor first, as middleware does, and each
order reads before it writes. The traffic is the same for the same --seed.
"""

import random
import sys

import django
from django.conf import settings

from checks import arguments, expect

OPTIONS = arguments()

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": OPTIONS.database, "USER": OPTIONS.user,
            "PASSWORD": OPTIONS.password, "HOST": "127.0.0.1", "PORT": str(OPTIONS.port), "ATOMIC_REQUESTS": True,
            "CONN_MAX_AGE": None, "OPTIONS": {"options": "-c TimeZone=UTC"},
        }
    },
    USE_TZ=True, TIME_ZONE="UTC", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"], SECRET_KEY="test",
    MIDDLEWARE=[], INSTALLED_APPS=[])
django.setup()

from django.db import connection, models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class Visitor(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        app_label = "shop"


class Article(models.Model):
    title = models.CharField(max_length=80)
    stock = models.IntegerField()

    class Meta:
        app_label = "shop"


class Order(models.Model):
    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE)
    article = models.ForeignKey(Article, on_delete=models.CASCADE)
    number = models.IntegerField()

    class Meta:
        app_label = "shop"


def visitor(request):
    return Visitor.objects.get(pk=int(request.GET["visitor"]))


def listing(request):
    visitor(request)
    found = list(Article.objects.order_by("title").values("pk", "title")[:10])
    return JsonResponse({"articles": found, "count": Article.objects.count()})


def article(request, number):
    who = visitor(request)
    found = Article.objects.get(pk=number)
    ordered = Order.objects.filter(visitor=who, article=found).aggregate(models.Sum("number"))["number__sum"]
    return JsonResponse({"title": found.title, "stock": found.stock, "ordered": ordered or 0})


def order(request, number):
    who = visitor(request)
    found = Article.objects.get(pk=number)
    if found.stock < 1:
        return JsonResponse({"error": "sold out"}, status=409)
    Article.objects.filter(pk=number, stock__gt=0).update(stock=models.F("stock") - 1)
    Order.objects.create(visitor=who, article=found, number=1)
    return JsonResponse({"stock": Article.objects.get(pk=number).stock})


urlpatterns = [path("articles", listing), path("articles/<int:number>", article), path("orders/<int:number>", order)]


def prepare():
    with connection.schema_editor() as editor:
        for model in (Visitor, Article, Order):
            editor.create_model(model)
    Visitor.objects.bulk_create(Visitor(name=f"visitor {number}") for number in range(20))
    Article.objects.bulk_create(Article(title=f"article {number}", stock=10_000) for number in range(50))


def main():
    if "shop_visitor" not in connection.introspection.table_names():
        prepare()
    client = Client()
    chance = random.Random(7)
    ordered = {}
    before = {}
    for _ in range(400):
        who, what = chance.randint(1, 20), chance.randint(1, 50)
        kind = chance.choices(("list", "show", "order"), (50, 35, 15))[0]
        if kind == "list":
            answer = client.get("/articles", {"visitor": who}).json()
            expect((len(answer["articles"]), answer["count"]), (10, 50))
        elif kind == "order":
            if (who, what) not in before:
                before[who, what] = client.get(f"/articles/{what}", {"visitor": who}).json()["ordered"]
            answer = client.get(f"/orders/{what}", {"visitor": who})
            expect(answer.status_code, 200)
            ordered[who, what] = ordered.get((who, what), 0) + 1
        else:
            answer = client.get(f"/articles/{what}", {"visitor": who}).json()
            # The one connection sees all that it has ordered.
            if (who, what) in before:
                expect(answer["ordered"], before[who, what] + ordered.get((who, what), 0))
    print(f"ok {sum(ordered.values())} orders")
    sys.exit(0)


main()
